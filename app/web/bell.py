"""Wakes a thread that sleeps in a selector."""

import socket


class Bell:
    """May be rung from any thread and any signal, also after it was closed."""

    def __init__(self) -> None:
        # A pair of sockets, not a pipe: their numbers are never written to once others have them.
        self._out, self._in = socket.socketpair()
        self._out.setblocking(False)
        self._in.setblocking(False)

    def fileno(self) -> int:
        """Return what the selector waits for."""
        return self._out.fileno()

    def ring(self) -> None:
        """Wake the thread; a bell that rings already goes on, one that is closed is silent."""
        try:
            self._in.send(b"!")
        except OSError:
            return

    def unring(self) -> None:
        """Go silent."""
        try:
            self._out.recv(4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the sockets back."""
        self._out.close()
        self._in.close()
