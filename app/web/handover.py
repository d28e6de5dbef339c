"""Takes an upgraded socket away from the server that accepted it.

What this leans on, pinned in requirements.txt and held by tests/sockets/test_seam.py:

- simple-websocket 1.1: `Server(environ, thread_class=...)` answers the handshake in its
  constructor, with one `send` of the object that it finds in `environ` as the server's socket,
  to which it does nothing else; it makes its request of all `HTTP_` names there. Then it builds
  one thread of that class with `target=`, sets its `name` and starts it; `sock` is the object
  it found, `mode` says whose; `close()` of a `Server` whose `connected` is False raises
  ConnectionClosed.
- flask-sock 0.7: builds that `Server` with SOCK_SERVER_OPTIONS, swallows what its `close()`
  raises after the handler returned, and for mode "gunicorn" raises StopIteration then.
- gunicorn 27, gthread: hands its socket over as `environ["gunicorn.socket"]`, takes
  StopIteration for the end of the connection, and then makes the socket blocking, shuts it
  down and closes it, on another thread. A socket that was only detached makes it fail there
  and count the connection's end twice; so it is left another one, which has ended.
- Werkzeug's development server counts on the handler to return last: there it waits, and
  the answer that the server writes after all goes to the socket that has ended.
"""

import functools
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any

from simple_websocket import Server

_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
_HANDSHAKE = frozenset(
    {
        "HTTP_HOST",
        "HTTP_CONNECTION",
        "HTTP_UPGRADE",
        "HTTP_SEC_WEBSOCKET_KEY",
        "HTTP_SEC_WEBSOCKET_VERSION",
    }
)
"""All that the handshake is made of. No extension is among it: compressing each frame for each
browser costs most of the speed."""
_ending = threading.Lock()


class NoThread:
    """Stands in for the thread that would read the socket; nothing reads it but the I/O thread."""

    def __init__(self, target: object) -> None:
        self.name = f"none, instead of one for {target}"

    def start(self) -> None:
        """Start nothing."""


class HeldBack:
    """Stands in for the server's socket during the handshake, and keeps the answer.

    The I/O thread sends it together with the first frame: one call of the kernel instead of
    two, and no thread of the server's has to wait for its turn after it.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.answer = b""

    def send(self, data: bytes) -> int:
        """Keep it."""
        self.answer += data
        return len(data)


@dataclass(frozen=True, slots=True)
class Taken:
    """A browser's socket, and the answer to its handshake, which must leave first."""

    sock: socket.socket
    answer: bytes


def prepare(environ: dict[str, Any]) -> None:
    """Leave of a request what the handshake needs, and hold its answer back."""
    for name in [n for n in environ if n.startswith("HTTP_") and n not in _HANDSHAKE]:
        del environ[name]
    for name in _SOCKETS:
        if name in environ:
            environ[name] = HeldBack(environ[name])


def take_socket(ws: Server) -> Taken:
    """Return the browser's socket; the server keeps one that ended, under its number.

    The request must have been prepared. Raises RuntimeError for a socket with TLS, whose keys
    the server would keep.
    """
    held: HeldBack = ws.sock
    if isinstance(held.sock, ssl.SSLSocket):
        raise RuntimeError(  # noqa: TRY004 - a server that is set up wrongly, not an argument
            "the server speaks TLS itself: let a proxy do that in front of it"
        )
    ws.connected = False
    number = held.sock.fileno()
    taken = socket.socket(fileno=os.dup(number))
    with _ending:
        ended = _ended_socket()
    os.dup2(ended.fileno(), number, inheritable=False)
    return Taken(taken, held.answer)


def must_wait(ws: Server) -> bool:
    """Return whether the handler may return only when the socket has ended."""
    return ws.mode != "gunicorn"


@functools.cache
def _ended_socket() -> socket.socket:
    """Return the socket, one for all, that servers are left with: its other end is closed."""
    ended, other = socket.socketpair()
    other.close()
    return ended
