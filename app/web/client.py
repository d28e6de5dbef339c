"""A client's connection, as the worker has it."""

import socket
from typing import Any

from gunicorn.workers.gthread import TConn

from app.web.arriving import Arriving
from app.web.waiting import Waiting


class PatientSocket(socket.socket):
    """A client's socket that keeps what the client does not take, in place of waiting for it."""

    __slots__ = ("unsent",)

    def __init__(self, taken: socket.socket) -> None:
        family, kind, protocol = taken.family, taken.type, taken.proto
        super().__init__(family, kind, protocol, fileno=taken.detach())
        self.unsent = bytearray()

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send what the client takes now, and keep the rest. Raises OSError."""
        if not self.unsent:
            data = memoryview(data)[self.send_now(data) :]
        self.unsent += data

    def send(self, data: Any, flags: int = 0) -> int:
        """Send nothing: the server would only say `100 Continue`, and the body is there."""
        return len(data)

    def send_now(self, data: Any) -> int:
        """Return how much the client took without waiting for it. Raises OSError."""
        try:
            return super().send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0


class Client(TConn):  # type: ignore[misc]  # it has no types
    """A connection, what has come of its next request, and what it waits for."""

    sock: PatientSocket

    def __init__(self, cfg: Any, sock: PatientSocket, address: Any, server: Any) -> None:
        super().__init__(cfg, sock, address, server)
        self.initialized = self.data_ready = True  # its requests are in memory
        self.arriving = Arriving()
        self.waits: Waiting[Client] | None = None
        self.goes_on = False
        """Whether another request may follow once the answer has left."""
        self.sending_since = 0.0
        self.drained = 0
        self.ended = False


def unmapped(address: Any) -> Any:
    """Return a client's address with IPv4 as such, also where the listener speaks IPv6.

    gunicorn trusts what a proxy says by the proxy's address: 127.0.0.1, not ::ffff:127.0.0.1.
    """
    if isinstance(address, tuple) and address[0].startswith("::ffff:") and "." in address[0]:
        return address[0].removeprefix("::ffff:"), *address[1:]
    return address
