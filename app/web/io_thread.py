"""The one thread that owns every open socket of a worker.

It sleeps in a selector. Handing over a frame puts the socket into a queue and rings a bell
only if the thread is asleep. While frames come in it does not go to sleep: it naps for a
millisecond, from which nobody needs to wake it, so that a thousand frames cost their senders
one bell and not a thousand.
"""

import heapq
import itertools
import secrets
import selectors
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

import structlog

from app.notifications.doorbell import Doorbell
from app.web.bell import Bell
from app.web.frames import Frames
from app.web.inbound import Parsers
from app.web.limits import Limits
from app.web.open_socket import OpenSocket
from app.web.sending import send_each

_log = structlog.get_logger(__name__)

NAP_S = 0.001
"""How long frames wait for company while others are being handed over."""
AT_ONCE = 512
"""Sockets that are sent to between two looks at what has come in."""
COME_BACK = (1012, "the server restarts: come back")


class IoThread:
    """Reads, writes and closes sockets. Any thread may use `adopt`, `announce`, `call`, `leave`."""

    def __init__(self, limits: Limits, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.build = Frames().build
        self.doorbell = Doorbell(limits.distance_s, limits.spread_s, monotonic)
        self.parsers = Parsers()
        self.closed: Counter[int] = Counter()
        """How many sockets ended, by code; 1013 read too slowly."""
        self.sockets: set[OpenSocket] = set()
        self._monotonic = monotonic
        self._new: deque[OpenSocket] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._ready: deque[OpenSocket] = deque()
        self._held: list[tuple[float, int, OpenSocket]] = []
        self._holding: dict[OpenSocket, float] = {}
        self._sequence = itertools.count()
        self._asleep = False
        self._busy = False
        self._leaving = False
        self._told = False
        self._gone_by: float | None = None
        self._pressing: set[OpenSocket] = set()
        self._press_at = self._sweep_at = 0.0
        self._ids = itertools.count(1)
        self._name = ""
        self._adopting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; nothing happens if it runs."""
        if self._thread is not None:
            return
        self._leaving = self._told = False
        self._gone_by = None
        self._name = secrets.token_hex(6)  # here, after the fork: no two workers have the same
        self._selector = selectors.DefaultSelector()
        self._bell = Bell()
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="sockets", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Close every socket with 1012, new ones too. Takes no lock: a signal may call it."""
        self._leaving = True
        if self._thread is not None:
            self._bell.ring()

    def stop(self) -> None:
        """Leave, cut off who is not gone after `leave_s`, and end the thread."""
        with self._adopting:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._gone_by = self._monotonic() + self.limits.leave_s
            self._leaving = True
            self._bell.ring()
            thread.join()

    def adopt(self, one: OpenSocket) -> bool:
        """Own a socket from now on; False if there is no thread to do that."""
        with self._adopting:
            if self._thread is None:
                return False
            self._new.append(one)
            self._wake()
            return True

    def call(self, act: Callable[[], None]) -> None:
        """Have the thread call something soon; never, once it has ended."""
        self._calls.append(act)
        self._wake()

    def announce(self, one: OpenSocket) -> None:
        """Let the thread send what waits on this socket."""
        self._ready.append(one)
        if self._asleep:
            self._wake()

    def hold(self, one: OpenSocket, until: float) -> None:
        """Announce what waits on this socket at this time, if not earlier."""
        if until < self._holding.get(one, until + 1):
            self._holding[one] = until
            heapq.heappush(self._held, (until, next(self._sequence), one))

    def new_id(self) -> str:
        """Name a connection, unlike those of this worker and of all others."""
        return f"{self._name}-{next(self._ids)}"

    def press(self, one: OpenSocket) -> None:
        """Look often whether the socket reached a bound, until it is at ease."""
        self._pressing.add(one)

    def watch(self, one: OpenSocket, *, writable: bool) -> None:
        """Wait until the socket can be read, and written if wanted."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        self._selector.modify(one.sock, events, one)

    def forget(self, one: OpenSocket) -> None:
        """Own the socket no longer."""
        self.sockets.discard(one)
        self._pressing.discard(one)
        if (closing := one.connection.closing) is not None:
            self.closed[closing.code] += 1
        self._selector.unregister(one.sock)

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            self._bell.ring()

    def _run(self) -> None:
        while not self._is_over():
            self._turn()
        for one in tuple(self.sockets):
            self._guarded(one, one.abandon)
        self._held.clear()
        self._holding.clear()
        self._selector.close()
        self._bell.close()

    def _is_over(self) -> bool:
        if self._gone_by is None or self._new:
            return False
        return not self.sockets or self._monotonic() >= self._gone_by

    def _turn(self) -> None:
        events = self._selector.select(self._patience())
        self._asleep = False
        now = self._monotonic()
        for key, mask in events:
            if key.data is None:
                self._bell.unring()
            else:
                self._serve(key.data, mask, now)
        while self._new:
            self._open(self._new.popleft(), now)
        while self._calls:
            self._do(self._calls.popleft())
        if self._leaving and not self._told:
            self._tell_all()
        self._announce_due(now)
        self._advance_ready(now)
        self._check(now)

    def _patience(self) -> float | None:
        """Return how long to wait for sockets; None for as long as nobody rings."""
        if self._ready:
            return 0.0
        if self._busy:
            self._busy = False
            return NAP_S
        if self._gone_by is not None:
            return NAP_S
        self._asleep = True
        if self._ready or self._new or self._calls or (self._leaving and not self._told):
            return 0.0  # it came before anybody could know that a bell is needed
        if not self.sockets:
            return None
        next_at = min(self._press_at, self._sweep_at) if self._pressing else self._sweep_at
        if self._held:
            next_at = min(next_at, self._held[0][0])
        return max(next_at - self._monotonic(), 0.0)

    def _serve(self, one: OpenSocket, mask: int, now: float) -> None:
        if mask & selectors.EVENT_READ:
            self._guarded(one, one.receive, now)
        if mask & selectors.EVENT_WRITE and one.owned:
            self._guarded(one, one.resume, now)

    def _open(self, one: OpenSocket, now: float) -> None:
        self._selector.register(one.sock, selectors.EVENT_READ, one)
        self.sockets.add(one)
        self._guarded(one, one.open, now)
        if self._leaving:
            one.connection.close(*COME_BACK)

    def _tell_all(self) -> None:
        self._told = True
        now = self._monotonic()
        for one in tuple(self.sockets):
            one.connection.release()
            self._guarded(one, one.advance, now)
            one.connection.close(*COME_BACK)

    def _check(self, now: float) -> None:
        """See whether sockets reached a bound: those that soon may often, all seldom."""
        if self._pressing and now >= self._press_at:
            self._press_at = now + self.limits.press_s
            self._pressing = {one for one in self._pressing if not one.is_at_ease}
            for one in tuple(self._pressing):
                self._guarded(one, one.check, now)
        if now >= self._sweep_at:
            self._sweep_at = now + self.limits.sweep_s
            for one in tuple(self.sockets):
                self._guarded(one, one.check, now)

    def _announce_due(self, now: float) -> None:
        """Let leave what has kept its distance."""
        while self._held and self._held[0][0] <= now:
            until, _, one = heapq.heappop(self._held)
            if self._holding.get(one) == until:
                del self._holding[one]
            one.connection.announced = True
            self._ready.append(one)

    def _advance_ready(self, now: float) -> None:
        """Send one frame to each socket that has something, some sockets at a time.

        First all frames, then all calls of the kernel: its work and ours push each other out of
        the processor's caches, and taking turns after every frame costs a sixth of the speed.
        """
        begun, frames = [], []
        take = self._ready.popleft
        for _ in range(min(len(self._ready), AT_ONCE)):
            one = take()
            try:
                frame = one.begin()
            except Exception as error:  # noqa: BLE001 - the other sockets go on
                self._fail(one, error)
                continue
            if frame is not None:
                begun.append(one)
                frames.append((one.number, frame))
        if not begun:
            return
        self._busy = True
        for one, sent in zip(begun, send_each(frames), strict=True):
            try:
                one.went(sent, now)
            except Exception as error:  # noqa: BLE001 - the other sockets go on
                self._fail(one, error)
            if one.connection.announced:
                self._ready.append(one)

    def _do(self, act: Callable[[], None]) -> None:
        try:
            act()
        except ConnectionError:
            return  # its socket was closed meanwhile
        except Exception:  # noqa: BLE001 - the sockets go on
            _log.exception("call_failed")

    def _guarded(self, one: OpenSocket, act: Callable[..., None], *arguments: float) -> None:
        """Do something with one socket that must not end the thread of all."""
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - the other sockets go on
            self._fail(one, error)

    def _fail(self, one: OpenSocket, error: Exception) -> None:
        _log.error("socket_failed", connection=one.connection.id, exc_info=error)
        if one.owned:
            one.abandon()
