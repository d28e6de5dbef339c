"""What a browser or a probe reaches over HTTP and WebSocket."""
