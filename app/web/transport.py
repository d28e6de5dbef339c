"""A WebSocket of simple-websocket, made fit for one writer beside the library's own thread."""

import socket
import struct
import threading
import time
from collections.abc import Callable

from simple_websocket import ConnectionClosed, Server
from wsproto.utilities import LocalProtocolError

WRITE_DEADLINE_S = 10
"""How long a peer may take to read enough for a frame to be written."""
LINGER_S = 1.0
"""How long a closed socket waits for the peer to have read the close."""


class WholeFrames:
    """A blocking socket of which threads send one whole frame after the other.

    Stands in for the socket that simple-websocket uses: the library's own thread answers
    pings and closes on it, sends in part, and closes it while the peer still talks, which
    would take the close frame back. The server that accepted the socket goes on owning it.
    """

    def __init__(self, sock: socket.socket, closed: Callable[[], None]) -> None:
        self._sock = sock
        self._closed = closed
        self._sending = threading.Lock()
        self._broken = False
        # For sending alone: a socket timeout would end a quiet peer's receive, too.
        deadline = struct.pack("ll", WRITE_DEADLINE_S, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, deadline)

    def send(self, data: bytes) -> int:
        """Send all of `data`. Raises OSError; after that no frame could be told from the next."""
        with self._sending:
            if self._broken:
                raise BrokenPipeError("a frame was cut short: nothing more can be sent")
            try:
                self._sock.sendall(data)
            except OSError:
                self._broken = True
                raise
        return len(data)

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes, none at the end."""
        return self._sock.recv(size)

    def close(self) -> None:
        """Say that nothing more is sent, then wait a little for the peer to say so, too."""
        self._closed()
        try:
            self._sock.shutdown(socket.SHUT_WR)
            until = time.monotonic() + LINGER_S
            while (left := until - time.monotonic()) > 0:
                self._sock.settimeout(left)
                if not self._sock.recv(65536):
                    return
        except OSError:
            return
        finally:
            self.abort()

    def abort(self) -> None:
        """Stop at once, in both directions; whoever waits on the socket is woken."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


class WebSocketTransport:
    """The `Transport` of a connection, over a WebSocket that was accepted."""

    def __init__(self, ws: Server) -> None:
        self._ws = ws
        self._frames = WholeFrames(ws.sock, closed=ws.event.set)
        ws.sock = self._frames

    def write(self, text: str) -> None:
        """Write one whole frame; blocks while the peer does not read. Raises if it is broken."""
        self._ws.send(text)

    def close(self, code: int, reason: str) -> None:
        """Close the socket, in order if that is still possible."""
        try:
            self._ws.close(code, reason)
        except (ConnectionClosed, LocalProtocolError):
            return  # the library has seen to it
        except OSError:
            self._frames.abort()
        finally:
            self._ws.connected = False
            self._ws.event.set()

    def settle(self) -> None:
        """Wait for the peer to have closed, too; not for long."""
        self._ws.thread.join(LINGER_S)
        self._frames.abort()
        self._ws.thread.join(LINGER_S)
