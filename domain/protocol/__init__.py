"""Wire models of the WebSocket and HTTP protocol. docs/protocol.md explains them."""
