"""gunicorn's threaded worker, which answers handshakes on the thread that accepts.

A handshake waits for nobody: it is read when all of it is there, Flask decides on it from what
it says, and the socket goes to the I/O thread. To have it wait for one of the threads that
answer requests, and for its turn at the interpreter, would take longer than to answer it. And a
connection on which nothing has come yet is waited for by the selector, and holds no thread.

What this leans on, held by tests/sockets/test_worker.py: in gunicorn 27 a `ThreadWorker` calls
`run` when it has started, `accept` when a listener is ready, and `on_pending_socket_readable`
when a connection of `pending_conns` is, whose `timeout` has not passed; `handle` reads, answers
and never raises an Exception; `finish_request` does what follows, with a future of what `handle`
returned.
"""

import errno
import gc
import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from app.web.session import PATH

HEAD_BYTES = 8192
"""As much as gunicorn reads of a request at a time."""
FIRST_BYTES_S = 5.0
"""How long a connection may be silent before it has said anything, as gunicorn has it."""
_ASKED = (f"GET {PATH} ".encode(), f"GET {PATH}?".encode())
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class PromptWorker(ThreadWorker):  # type: ignore[misc]  # it has no types
    """Threads for requests; none for handshakes, and none for who says nothing."""

    def run(self) -> None:
        """Serve, with no collection that goes through what is there by now.

        It stays until the worker ends, and a full collection of it all stops every thread for
        some 65 ms, and a rollback with them.
        """
        gc.collect()
        gc.freeze()
        super().run()

    def accept(self, listener: socket.socket) -> None:
        """Let one in; not all who wait, or the other workers of the host would get none."""
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno not in _NOBODY_THERE:
                raise
            return
        self.nr_conns += 1
        self._begin(TConn(self.cfg, sock, address, listener.getsockname()))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Go on with a connection that has begun to speak."""
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self._begin(conn)

    def _begin(self, conn: TConn) -> None:
        try:
            said = conn.sock.recv(HEAD_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            self._wait_for(conn)
            return
        except OSError:
            said = b""  # it is for `handle` to find out
        conn.data_ready = True
        if _is_handshake(said):
            self.finish_request(conn, _Done(self.handle(conn)))
        else:
            self.enqueue_req(conn)

    def _wait_for(self, conn: TConn) -> None:
        conn.timeout = time.monotonic() + FIRST_BYTES_S
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)


class _Done:
    """What `finish_request` wants of a future, of a call that was made."""

    def __init__(self, result: object) -> None:
        self._result = result

    def cancelled(self) -> bool:
        """Say that it was made."""
        return False

    def result(self) -> Any:
        """Return what it returned."""
        return self._result


def _is_handshake(said: bytes) -> bool:
    """Whether this is the whole of a request for the socket's path, without a body to wait for.

    The path decides, and no header: nothing but the handshake is behind it, so that nothing that
    takes long can be asked of the thread that accepts.
    """
    if not said.startswith(_ASKED) or not said.endswith(b"\r\n\r\n"):
        return False
    head = said.lower()
    return b"\r\ncontent-length:" not in head and b"\r\ntransfer-encoding:" not in head
