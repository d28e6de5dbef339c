"""A browser that speaks in bytes, so that it can say what no library would."""

import json
import socket
import struct

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, MASKED = 0x80, 0x80
KEY = b"\x01\x02\x03\x04"


def frame(opcode, payload=b"", *, fin=True, masked=True, claim=None):
    """Return a frame; `claim` is the length that it claims to have."""
    size = len(payload) if claim is None else claim
    mask = MASKED if masked else 0
    head = bytes([opcode | (FIN if fin else 0)])
    if size < 126:
        head += bytes([mask | size])
    elif size < 0x10000:
        head += struct.pack("!BH", mask | 126, size)
    else:
        head += struct.pack("!BQ", mask | 127, size)
    if not masked:
        return head + payload
    return head + KEY + bytes(byte ^ KEY[i % 4] for i, byte in enumerate(payload))


class RawBrowser:
    """A socket after the handshake, with what it has heard."""

    def __init__(self, port, *, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(60)
        self.sock.connect(("127.0.0.1", port))
        self.sock.sendall(HANDSHAKE)
        self._heard = b""
        while b"\r\n\r\n" not in self._heard:
            self._more()
        self._heard = self._heard.partition(b"\r\n\r\n")[2]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def say(self, *frames):
        """Send bytes."""
        self.sock.sendall(b"".join(frames))

    def say_json(self, message):
        """Send a message as a browser does."""
        self.say(frame(TEXT, json.dumps(message).encode()))

    def hear(self):
        """Return the next frame as (opcode, payload). Raises EOFError at the end."""
        while True:
            found = self._take()
            if found is not None:
                return found
            self._more()

    def hear_json(self, wanted=None):
        """Return the next message, or the next of the wanted type."""
        while True:
            opcode, payload = self.hear()
            assert opcode == TEXT, (opcode, payload)
            message = json.loads(payload)
            if wanted in (None, message["type"]):
                return message

    def close_code(self):
        """Read to the close and return its code and reason; texts before it are let go."""
        while True:
            opcode, payload = self.hear()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def subscribe(self, user_id):
        """Subscribe, and wait until that is confirmed."""
        self.say_json({"type": "subscribe", "userId": user_id})
        return self.hear_json("subscription_confirmed")

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the server has closed")
        self._heard += data

    def _take(self):
        heard = self._heard
        if len(heard) < 2:
            return None
        assert not heard[1] & MASKED, "a server never masks"
        size, start = heard[1], 2
        if size == 126:
            size, start = int.from_bytes(heard[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(heard[2:10], "big"), 10
        if len(heard) < start or len(heard) < start + size:
            return None
        self._heard = heard[start + size :]
        return heard[0] & 0x0F, heard[start : start + size]
