"""Tests of the WebSocket route, with real sockets."""
