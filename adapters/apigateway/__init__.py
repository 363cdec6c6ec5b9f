"""API Gateway: posting frames to the connections of the WebSocket API."""
