"""Takes an upgraded socket away from the server that accepted it.

What this leans on, pinned in requirements.txt and held by tests/sockets/test_seam.py:

- simple-websocket 1.1: `Server(environ, thread_class=...)` answers the handshake in its
  constructor, then builds one thread of that class with `target=`, sets its `name` and starts
  it; `sock` is the server's own socket object, `mode` says whose; `close()` of a `Server`
  whose `connected` is False raises ConnectionClosed.
- flask-sock 0.7: builds that `Server` with SOCK_SERVER_OPTIONS, swallows what its `close()`
  raises after the handler returned, and for mode "gunicorn" raises StopIteration then.
- gunicorn 27, gthread: hands its socket over as `environ["gunicorn.socket"]`, takes
  StopIteration for the end of the connection, and then makes the socket blocking, shuts it
  down and closes it, on another thread. A socket that was only detached makes it fail there
  and count the connection's end twice; so it is left another one, which has ended.
- Werkzeug's development server counts on the handler to return last: there it waits, and
  the answer that the server writes after all goes to the socket that has ended.
"""

import os
import socket
import ssl

from simple_websocket import Server


class NoThread:
    """Stands in for the thread that would read the socket; nothing reads it but the I/O thread."""

    def __init__(self, target: object) -> None:
        self.name = f"none, instead of one for {target}"

    def start(self) -> None:
        """Start nothing."""


def take_socket(ws: Server) -> socket.socket:
    """Return the browser's socket; the server keeps one that ended, under its number.

    Raises RuntimeError for a socket with TLS, whose keys the server would keep.
    """
    if isinstance(ws.sock, ssl.SSLSocket):
        raise RuntimeError(  # noqa: TRY004 - a server that is set up wrongly, not an argument
            "the server speaks TLS itself: let a proxy do that in front of it"
        )
    ws.connected = False
    number = ws.sock.fileno()
    taken = socket.socket(fileno=os.dup(number))
    ended, other = socket.socketpair()
    other.close()
    with ended:
        os.dup2(ended.fileno(), number, inheritable=False)
    return taken


def must_wait(ws: Server) -> bool:
    """Return whether the handler may return only when the socket has ended."""
    return ws.mode != "gunicorn"
