"""gunicorn's threaded worker, in which slow clients hold no thread.

The thread that accepts reads each request into memory. A thread answers it once it is whole; what
the client does not take of the answer is sent by the accepting thread when it can. That thread
never waits for a client, and each wait has a deadline. When too many connections wait, the one
that waited longest makes room. So slow clients cost memory, within bounds, and delay nobody.

A handshake is answered on the accepting thread itself: to have it wait for one of the threads,
and for its turn at the interpreter, would take longer than to answer it. One that brings a proof
goes to a thread: who that is may have to be asked of the database.

What this leans on, held by tests/sockets/test_worker.py: in gunicorn 27 a `ThreadWorker` calls
`run` when it has started, `accept` when a listener is ready, `murder_pending` about once a second,
and at its end until `nr_conns` is 0; `handle` reads a request from `conn.parser`, answers it on
`conn.sock` with `sendall`, and never raises an Exception; `enqueue_req` has a thread call it and
then calls `finish_request` with a future of what it returned: whether the connection goes on.
"""

import contextlib
import errno
import gc
import re
import selectors
import socket
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from gunicorn.http import get_parser
from gunicorn.workers.gthread import ThreadWorker

from app.web.arriving import Arriving, CannotArriveError
from app.web.client import Client, PatientSocket, unmapped
from app.web.session import PATH
from app.web.waiting import Waiting

RECEIVE_BYTES = 16 * 1024
DRAIN_BYTES = 64 * 1024
"""How much of what still comes is read of a connection that ends."""
ARRIVE_S = 10.0
"""How long a request may take to arrive as a whole, and how long a new connection may be silent."""
SEND_S = 10.0
"""How long a client may take nothing of its answer,"""
ANSWER_S = 60.0
"""and how long it may take for all of it."""
LINGER_S = 2.0
"""How long a connection that ends is read, so that what still comes does not cut its answer off."""
STOP_S = 2.0
"""How long each of these may last at most when the worker stops."""
MOST_WAITING_BYTES = 32 * 2**20
"""What parts of requests may take of this worker's memory, all together."""
_ASKED = re.compile(rb"GET (/[^ ?]*)?" + re.escape(PATH.encode()) + rb"[ ?]")
_PROOF = b"\r\nauthorization:"
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)
_NO_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class PromptWorker(ThreadWorker):  # type: ignore[misc]  # it has no types
    """Threads for whole requests; none for handshakes, and none for who is slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle = Waiting[Client](self.cfg.keepalive)
        self._reading = Waiting[Client](ARRIVE_S)
        self._sending = Waiting[Client](SEND_S)
        self._lingering = Waiting[Client](LINGER_S)
        self._waiting_bytes = 0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse TLS, whose keys would have to be where the sockets are."""
        if cfg.is_ssl:
            sys.exit("gunicorn is told to speak TLS (certfile): let a proxy in front of it do that")
        super().check_config(cfg, log)

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
            if error.errno in _NO_FILES:
                if not self._make_room():
                    self.set_accept_enabled(False)  # until the next turn
            elif error.errno not in _NOBODY_THERE:
                raise
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        who = unmapped(address)
        self._read(Client(self.cfg, PatientSocket(sock), who, listener.getsockname()))

    def finish_request(self, conn: Client, fs: Any) -> None:
        """Go on with a connection whose request was answered."""
        goes_on = bool(fs.result()) and not conn.arriving.is_broken
        self._send_rest(conn, goes_on=goes_on)

    def murder_pending(self) -> None:
        """End the connections whose time is up."""
        most_s = None if self.alive else STOP_S
        now = time.monotonic()
        for conn in self._reading.overdue(now, most_s):
            if len(conn.arriving):
                self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
            else:
                self._end(conn)
        for waiting in (self._idle, self._sending, self._lingering):
            for conn in waiting.overdue(now, most_s):
                self._end(conn)

    def _read(self, conn: Client) -> None:
        """Take what has come in."""
        try:
            data = conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self._wait(conn, self._reading, self._read)
            return
        except OSError:
            data = b""
        if data:
            self._arrived(conn, data)
        else:
            self._end(conn)

    def _arrived(self, conn: Client, data: bytes) -> None:
        """Have the request answered if it is whole; else wait for the rest of it."""
        before = len(conn.arriving)
        try:
            whole = conn.arriving.take(data)
        except CannotArriveError as error:
            self._refuse(conn, error.status)
            return
        finally:
            self._waiting_bytes += len(conn.arriving) - before
        if whole is None:
            self._wait_for_rest(conn)
            return
        self._stop_waiting(conn)
        conn.parser = get_parser(self.cfg, iter((whole,)), conn.client)
        if data and _is_handshake(whole):
            self.finish_request(conn, _Done(self.handle(conn)))
        else:  # one that was sent ahead has a thread, too: no chain of them is answered here
            self.enqueue_req(conn)

    def _wait_for_rest(self, conn: Client) -> None:
        if conn.arriving.waits_to_go_on:
            self._try_to_send(conn, _GO_ON)
        self._wait(conn, self._reading, self._read)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._end_first(self._reading)

    def _refuse(self, conn: Client, status: HTTPStatus) -> None:
        """Answer what does not arrive, and end the connection."""
        said = f"{status.phrase}\n".encode()
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\n"
        head += f"Content-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        self._forget_request(conn)
        self._try_to_send(conn, head.encode() + said)
        self._send_rest(conn, goes_on=False)

    def _send_rest(self, conn: Client, *, goes_on: bool) -> None:
        """Let the client take what is left of its answer, then go on with it, or end."""
        conn.goes_on = goes_on
        if conn.sock.unsent:
            conn.sending_since = time.monotonic()
            self._wait(conn, self._sending, self._send, selectors.EVENT_WRITE)
        else:
            self._answered(conn)

    def _send(self, conn: Client) -> None:
        now = time.monotonic()
        try:
            del conn.sock.unsent[: conn.sock.send_now(conn.sock.unsent)]
        except OSError:
            self._end(conn)
            return
        if not conn.sock.unsent:
            self._answered(conn)
        elif now - conn.sending_since > ANSWER_S:
            self._end(conn)
        else:
            self._sending.add(conn, now)

    def _answered(self, conn: Client) -> None:
        if not conn.goes_on:
            self._leave(conn)
        elif len(conn.arriving):
            self._arrived(conn, b"")
        else:
            self._wait(conn, self._idle, self._read)

    def _leave(self, conn: Client) -> None:
        """Say that nothing follows, and read until the client says so, too."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(conn)
        else:
            self._drain(conn)

    def _drain(self, conn: Client) -> None:
        try:
            data = conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        conn.drained += len(data or b"")
        if data == b"" or conn.drained > DRAIN_BYTES:
            self._end(conn)
        else:
            self._wait(conn, self._lingering, self._drain)

    def _end(self, conn: Client) -> None:
        if conn.ended:
            return  # it made room while its event waited for its turn
        conn.ended = True
        self._stop_waiting(conn)
        self._forget_request(conn)
        self.nr_conns -= 1
        conn.close()

    def _make_room(self) -> bool:
        """End the connection that is needed least; False if all of them are being answered."""
        every = (self._idle, self._lingering, self._reading, self._sending)
        return any(self._end_first(waiting) for waiting in every)

    def _end_first(self, waiting: Waiting[Client]) -> bool:
        conn = waiting.first()
        if conn is not None:
            self._end(conn)
        return conn is not None

    def _forget_request(self, conn: Client) -> None:
        self._waiting_bytes -= len(conn.arriving)
        conn.arriving = Arriving()

    def _try_to_send(self, conn: Client, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the client is gone: it is seen when it is read
            conn.sock.sendall(data)

    def _wait(
        self,
        conn: Client,
        waiting: Waiting[Client],
        act: Callable[[Client], None],
        events: int = selectors.EVENT_READ,
    ) -> None:
        """Call `act` when the client is ready; who waits for the same thing goes on waiting."""
        if conn.waits is waiting:
            return
        self._stop_waiting(conn)
        conn.waits = waiting
        waiting.add(conn, time.monotonic())
        self.poller.register(conn.sock, events, lambda _: act(conn))

    def _stop_waiting(self, conn: Client) -> None:
        if conn.waits is not None:
            conn.waits.discard(conn)
            conn.waits = None
            self.poller.unregister(conn.sock)


class _Done:
    """What `finish_request` wants of a future, of a call that was made."""

    def __init__(self, result: object) -> None:
        self._result = result

    def result(self) -> Any:
        """Return what it returned."""
        return self._result


def _is_handshake(whole: bytes) -> bool:
    """Whether this request is for the socket's path and brings no proof that takes time.

    The path decides: nothing but the handshake is behind it, so that nothing that takes long can
    be asked of the thread that accepts.
    """
    return _ASKED.match(whole) is not None and _PROOF not in whole.lower()
