"""Wire models of the WebSocket and HTTP protocol. docs/protocol.md tells their meaning."""
