"""Answers the handshakes that browsers make without having them parsed a second time.

By the time flask-sock is asked, gunicorn and Flask have read the request. simple-websocket writes
it down as bytes once more and has h11 parse them, by way of wsproto: 300 of the 700 microseconds
that a handshake takes up to there, which counts when ten thousand browsers come back at once.
What an ordinary handshake is answered with is short, and follows from its key alone; any other
still goes through all of them, and is answered or refused as they do it.

Held by tests/sockets/test_handshake.py: flask-sock looks the name `Server` up in its own module for
every handshake, and a `Server` of simple-websocket answers in `handshake()`, with one `send` to
its `sock`, from `environ`, and sets `connected`.
"""

import hashlib
import re
from base64 import b64encode

import flask_sock
from simple_websocket import Server
from wsproto.utilities import ACCEPT_GUID

from app.web.handover import HeldBack

_ORDINARY = tuple(
    (name, re.compile(value, re.ASCII | re.IGNORECASE).fullmatch)
    for name, value in {
        "HTTP_HOST": r"[\w.:\[\]-]+",
        "HTTP_CONNECTION": r"(keep-alive, ?)?upgrade",
        "HTTP_UPGRADE": r"websocket",
        "HTTP_SEC_WEBSOCKET_VERSION": r"13",
        "HTTP_SEC_WEBSOCKET_KEY": r"[0-9a-z+/]{22}==",
    }.items()
)
_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)


class PromptServer(Server):  # type: ignore[misc]  # it has no types
    """simple-websocket's end of a socket, which answers an ordinary handshake by itself."""

    def handshake(self) -> None:
        """Answer, if the socket will be taken away; whoever keeps it needs wsproto's state."""
        if not isinstance(self.sock, HeldBack) or not self._is_ordinary():
            super().handshake()
            return
        key = self.environ["HTTP_SEC_WEBSOCKET_KEY"].encode() + ACCEPT_GUID
        digest = hashlib.sha1(key, usedforsecurity=False).digest()
        self.sock.send(_ANSWER % b64encode(digest))
        self.connected = True

    def _is_ordinary(self) -> bool:
        environ = self.environ
        return all(is_expected(environ.get(name, "")) for name, is_expected in _ORDINARY)


def install() -> None:
    """Have flask-sock's routes build it."""
    flask_sock.Server = PromptServer
