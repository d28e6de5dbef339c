"""One browser's socket, as the I/O thread owns it: what it says, what it is sent, its end."""

import socket
import struct
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from app.notifications.connections import BrowserConnection
from app.notifications.doorbell import Doorbell
from app.notifications.messages import BalanceFrame
from app.notifications.outbox import Closing
from app.web.frames import PING, close_frame, pong_frame
from app.web.handover import Taken
from app.web.inbound import Broken, Heard, Inbound, Left, Noise, Parsers, Pinged, Said
from app.web.limits import Limits
from app.web.sending import send_now
from app.web.session import NewSession, Session

_log = structlog.get_logger(__name__)

RECEIVE_BYTES = 16 * 1024
UNSENT_BYTES = 16 * 1024
"""What the kernel may hold for a browser besides what is on its way."""
TOGETHER_BYTES = 4 * 1024
"""Texts that wait are sent with one call up to this size."""
ABNORMAL = 1006
"""Counted for sockets that ended without a close; no frame ever carries it."""
_RESET = struct.pack("ii", 1, 0)


class Host(Protocol):
    """The thread that owns a socket, as the socket sees it."""

    limits: Limits
    doorbell: Doorbell
    parsers: Parsers
    new_id: Callable[[], str]
    """Names a connection, unlike all others."""
    build: Callable[[str | bytes | BalanceFrame], bytes]
    """Puts what leaves into a frame."""

    def announce(self, one: "OpenSocket") -> None:
        """Let the thread send what waits; from any thread."""

    def watch(self, one: "OpenSocket", *, writable: bool) -> None:
        """Call `receive`, and `resume` if wanted, when the socket is ready."""

    def hold(self, one: "OpenSocket", until: float) -> None:
        """Let what waits be sent from this time on."""

    def press(self, one: "OpenSocket") -> None:
        """Call `check` often, until the socket `is_at_ease`."""

    def forget(self, one: "OpenSocket") -> None:
        """Own the socket no longer: its connection says why."""


class OpenSocket:
    """A socket with its connection and its session. Only the I/O thread calls it.

    At most one frame is unfinished at a time; the next is taken from the outbox once it
    has left, so that a slow reader holds no more than that and what the outbox holds.
    """

    __slots__ = (
        "_closing",
        "_ended",
        "_first",
        "_gone_by",
        "_heard_at",
        "_host",
        "_inbound",
        "_peer_left",
        "_pinged_at",
        "_progress_at",
        "_session",
        "_unsent",
        "connection",
        "number",
        "owned",
        "sock",
    )

    def __init__(
        self,
        taken: Taken,
        host: Host,
        new_session: NewSession,
        *,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self.sock = sock = taken.sock
        sock.setblocking(False)
        self.number = sock.fileno()
        self._first = taken.answer
        self.connection = BrowserConnection(
            host.new_id(), partial(host.announce, self), doorbell=host.doorbell
        )
        self._host = host
        self._session: Session | None = new_session(self.connection)
        self._ended = ended
        self._inbound = Inbound(host.parsers, limit=host.limits.message_bytes)
        self._unsent: bytes | memoryview = b""
        self._closing: Closing | None = None
        self.owned = False
        """Whether the thread owns the socket: since `open`, until it ended."""
        self._peer_left = False
        self._gone_by: float | None = None
        self._heard_at = self._pinged_at = self._progress_at = 0.0

    def open(self, now: float) -> None:
        """Begin: greet the browser."""
        self.owned = True
        self._heard_at = self._pinged_at = now
        _tune(self.sock)
        self._run(lambda session: session.opened())
        if not self.connection.announced:
            self._unsent, self._first = self._first, b""  # it leaves alone
            self.went(send_now(self.number, self._unsent), now)

    def receive(self, now: float) -> None:
        """Read what has come in and act on it."""
        try:
            data = self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.abandon()
            return
        if not data:
            self.abandon()
            return
        self._heard_at = now
        if self.connection.is_open:  # after the close nothing is acted on
            for heard in self._inbound.feed(data):
                if not self.connection.is_open:
                    return
                self._act(heard)

    def advance(self, now: float) -> None:
        """Send what waits, unless a frame is unfinished."""
        while (frame := self.begin()) is not None:
            self.went(send_now(self.number, frame), now)

    def begin(self) -> bytes | None:
        """Return what leaves next, None if nothing may; the rest waits until it `went`."""
        connection = self.connection
        if not connection.announced or self._unsent or not self.owned or self._closing is not None:
            return None
        self._unsent = frame = self._next(connection)
        return frame or None

    def went(self, sent: int, now: float) -> None:
        """Note how much the kernel took of what was begun, or that it took nothing: below 0."""
        frame = self._unsent
        if sent < 0:
            try:
                sent = self.sock.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.abandon()
                return
        if sent == len(frame):
            self._unsent = b""
            self._end_if_closing()
            return
        self._unsent = memoryview(frame)[sent:]
        self._progress_at = now
        self._host.watch(self, writable=True)
        self._host.press(self)

    def resume(self, now: float) -> None:
        """Go on with the unfinished frame, for the kernel takes more of it."""
        try:
            sent = self.sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.abandon()
            return
        self._progress_at = now
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self.connection.finished()
            self._host.watch(self, writable=False)
            self._end_if_closing()
            self.advance(now)

    def _next(self, connection: BrowserConnection) -> bytes:
        """Return the frame that leaves next, or as many short ones as are worth one call."""
        build = self._host.build
        item = connection.take()
        if item is None:  # withdrawn since it was announced, or too early
            if (due := connection.due) is not None:
                self._host.hold(self, due)
            return b""
        frame = self._last_frame(item) if type(item) is Closing else build(item)
        if self._first:
            frame, self._first = self._first + frame, b""
        if connection.announced and type(item) is str and len(frame) < TOGETHER_BYTES:
            return b"".join(
                [frame, *map(build, connection.take_along(TOGETHER_BYTES - len(frame)))]
            )
        return frame

    @property
    def is_at_ease(self) -> bool:
        """Whether no frame is unfinished and the end has not begun: there is time to `check`."""
        return not self._unsent and self._closing is None

    def check(self, now: float) -> None:
        """See whether the browser reached a bound."""
        limits, connection = self._host.limits, self.connection
        if connection.is_open:
            self._run(lambda session: session.checked())
        if not connection.is_open:
            self._gone_by = self._gone_by or now + limits.linger_s
            if now >= self._gone_by:
                self.abandon()
        elif self._unsent and now - self._progress_at >= limits.stall_s:
            connection.close(1013, f"reads too slowly: nothing for {limits.stall_s:g} s")
            self.abandon()
        elif now - self._heard_at >= limits.silence_s:
            # Without a close frame, as production ends it: pages stay away after some codes.
            self.abandon()
        elif now - max(self._heard_at, self._pinged_at) >= limits.ping_s:
            self._pinged_at = now
            self._answer(PING)

    def abandon(self) -> None:
        """End the socket as it is; whatever the browser has not read is lost."""
        self.owned = False
        self.connection.close(ABNORMAL, "the socket ended without a close")
        self._leave()
        if self._closing is None or self._unsent:
            # The kernel would go on offering what is left to a browser that does not read.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._host.forget(self)
        self.sock.close()
        if self._ended is not None:
            self._ended()

    def _act(self, heard: Heard) -> None:
        match heard:
            case Said(data):
                self._run(lambda session: session.received(data))
            case Pinged(payload):
                self._run(lambda session: session.pinged())
                self._answer(pong_frame(payload))
            case Noise():
                self._run(lambda session: session.pinged())
            case Left(code, reason):
                self._peer_left = True
                self.connection.close(code, reason)
            case Broken(code, reason):
                self.advance(self._heard_at)  # what was asked before it is answered before it
                self.connection.close(code, reason)

    def _answer(self, frame: bytes) -> None:
        try:
            self.connection.put(frame)
        except ConnectionError:
            return  # it reads nothing of what it asks for, and was closed for that

    def _run(self, act: Callable[[Session], None]) -> None:
        if self._session is None:
            return
        try:
            act(self._session)
        except ConnectionError:
            return  # it was closed meanwhile
        except Exception:  # noqa: BLE001 - the other sockets go on
            _log.exception("socket_failed", connection=self.connection.id)
            self.connection.close(1011, "the server failed: come back")

    def _last_frame(self, closing: Closing) -> bytes:
        self._closing = closing
        self._leave()
        return close_frame(closing.code, closing.reason)

    def _end_if_closing(self) -> None:
        """Say that nothing more is sent; the browser says so, too, or is cut off by `check`."""
        if self._closing is None:
            return
        if self._peer_left:
            self.abandon()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.abandon()
        else:
            self._host.press(self)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.closed()
        except Exception:  # noqa: BLE001 - the socket ends all the same
            _log.exception("session_not_closed", connection=self.connection.id)


def _tune(sock: socket.socket) -> None:
    """Let small frames leave at once, and let few of them wait in the kernel."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
