"""What waits to leave on one connection, and in which order."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.notifications.changes import merged
from app.notifications.doorbell import AT_ONCE, BELL, Doorbell
from app.notifications.messages import BalanceFrame

LIMIT = 64
"""Texts and control frames that may wait on a connection."""
_LEFT = 1001
_RELEASED = -1.0
"""In the place of a time: the state keeps no distance any more."""


class OutboxClosedError(ConnectionError):
    """The connection is closed, or was closed because too much waited on it."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The last thing that leaves: the close, with its code and reason."""

    code: int
    reason: str


Item = str | bytes | BalanceFrame | Closing
"""What leaves: a text, a frame that is built already, balance state, the close."""


class Outbox:
    """Texts in order and by count; balance state as one frame that newer state is merged into.

    Safe to call from any thread; one thread calls `take`. The state stands behind the texts
    that came before its newest part, so that nothing older is read after it. It also keeps the
    distance that `doorbell` asks for; other texts than balances pass it meanwhile.

    Where the merged changes would be nothing, as of +5 and -5, two frames are kept: a page
    would show the one as "+0", and may have read the balance that was there between the two.

    `wake` is called when something waits of which it has not told: once for many frames,
    and again for what comes after `take` has returned the last of them. It must not block.
    There is one outbox per browser: its memory is counted in bytes.
    """

    __slots__ = (
        "_ahead_of_state",
        "_base_version",
        "_begun",
        "_closing",
        "_doorbell",
        "_free_at",
        "_later",
        "_lock",
        "_overheard_before",
        "_state",
        "_texts",
        "_wake",
        "_watchers",
        "announced",
        "known",
        "overheard",
        "settled",
    )

    def __init__(self, wake: Callable[[], None], *, doorbell: Doorbell = AT_ONCE) -> None:
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._base_version: int | None = None
        self.overheard: str | None = None
        self.settled: str | None = None
        self.known: int | None = None
        self._wake = wake
        self.announced = False
        """Whether something waits of which `wake` has told."""
        self._lock = threading.Lock()
        self._begun: threading.Event | None = None
        self._overheard_before: str | None = None
        self._texts: list[str | bytes] = []
        self._state: BalanceFrame | None = None
        self._later: BalanceFrame | None = None
        self._doorbell = doorbell
        self._free_at = 0.0
        self._ahead_of_state = 0
        self._closing: Closing | None = None

    @property
    def base_version(self) -> int | None:
        """The version that the canonical last handed over; None before the first."""
        return self._base_version

    @base_version.setter
    def base_version(self, version: int | None) -> None:
        self._base_version = version
        self._changed()

    @property
    def is_open(self) -> bool:
        """Whether anything may still be put in."""
        return self._closing is None

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever `is_open` or `base_version` was changed, before that returns.

        It is called with the outbox locked: it may read these two, and nothing else.
        """
        with self._lock:
            self._watchers = (*self._watchers, changed)

    def unwatch(self, changed: Callable[[], None]) -> None:
        """Call it no more; nothing happens if it is not called anyway."""
        with self._lock:
            self._watchers = tuple(each for each in self._watchers if each != changed)

    @property
    def closing(self) -> Closing | None:
        """Why nothing may be put in, None while something may."""
        return self._closing

    @property
    def comes_back(self) -> bool:
        """Whether the socket ended and the page goes on: 1001 is said by one that is left."""
        return self._closing is not None and self._closing.code != _LEFT

    @property
    def waiting(self) -> int:
        """How many frames wait: texts, and the state, which is one or two."""
        return len(self._texts) + (self._state is not None) + (self._later is not None)

    @property
    def due(self) -> float | None:
        """When state that keeps its distance may leave; None if nothing waits for that."""
        return self._free_at if self._state is not None else None

    def put(self, item: str | bytes) -> None:
        """Add a text, or a control frame as it is sent.

        Raises OutboxClosedError; too many of them close the outbox, code 1013.
        """
        with self._lock:
            if self._closing is not None:
                raise _closed(self._closing)
            full = len(self._texts) >= LIMIT
            if full:
                self._close(Closing(1013, "reads too slowly: try again later"))
            else:
                self._texts.append(item)
            announced, self.announced = self.announced, True
        if not announced:
            self._wake()
        if full:
            raise OutboxClosedError(
                f"{LIMIT} frames wait already: the connection reads too slowly and was closed"
            )

    def offer(self, frame: BalanceFrame) -> None:
        """Add state, or merge it into what waits; older than `base_version`, it is ignored.

        The same version is shown once more only where another service spoke since.
        """
        with self._lock:
            if self._closing is not None:
                raise _closed(self._closing)
            shown = self.base_version
            if shown is not None and frame.version < shown + (self.overheard is None):
                return
            self._add(frame)
            self._ahead_of_state = len(self._texts)
            self.base_version = frame.version
            self._overheard_before = self.overheard or self._overheard_before
            self.overheard = None
            announced, self.announced = self.announced, True
        if not announced:
            self._wake()

    def release(self) -> None:
        """Let state leave without the distance that it keeps."""
        with self._lock:
            if self._state is None or self._free_at == _RELEASED:
                return
            self._free_at = _RELEASED
            announced, self.announced = self.announced, True
        if not announced:
            self._wake()

    def withdraw(self, within: float = 0.0) -> None:
        """Take state back that was not begun `within` so many seconds, with its version."""
        if self._state is None:
            return
        if within > 0:
            self.release()
        with self._lock:
            if within > 0 and self._state is not None and self._begun is None:
                self._begun = threading.Event()
            begun = self._begun
        if begun is not None:
            begun.wait(within)
        with self._lock:
            if self._state is not None:
                self.base_version = self._state.since
                self.overheard = self.overheard or self._overheard_before
                self._state = self._later = self._overheard_before = None

    def finished(self) -> None:
        """Note that a frame has left that took its time: the distance begins now."""
        with self._lock:
            if self._free_at > 0:
                self._free_at = max(self._free_at, self._doorbell.rings_again())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Let nothing more in, and nothing out but the close; the first close stands."""
        with self._lock:
            if self._closing is not None:
                return
            self._close(Closing(code, reason))
            announced, self.announced = self.announced, True
        if not announced:
            self._wake()

    def take(self) -> Item | None:
        """Return what leaves next, None if nothing may; from here on it is begun.

        If nothing may before its time, `due` says when; nobody is woken for that.
        """
        with self._lock:
            if self._closing is not None:
                return self._closing
            texts, state = self._texts, self._state
            if state is not None and self._ahead_of_state == 0:
                if not self._is_held():
                    return self._take_state(state)
                if texts and _rings(texts[0]):  # a balance never passes another
                    self.announced = False
                    return None
            if not texts:
                self.announced = False
                return None
            if self._ahead_of_state:
                self._ahead_of_state -= 1
            text = texts.pop(0)
            if _rings(text):
                self._rang()
            self.announced = bool(texts) or state is not None
            return text

    def take_along(self, size: int) -> list[str | bytes]:
        """Return the texts that leave right after the one that was taken, up to `size` of them.

        `size` counts characters: whoever sends may put short frames together.
        """
        along: list[str | bytes] = []
        with self._lock:
            texts, state = self._texts, self._state
            for text in texts if state is None else texts[: self._ahead_of_state]:
                size -= len(text)
                if size < 0:
                    break
                along.append(text)
            del texts[: len(along)]
            if state is not None:
                self._ahead_of_state -= len(along)
            if any(map(_rings, along)):
                self._rang()
            self.announced = bool(texts) or state is not None or self._closing is not None
        return along

    def _add(self, frame: BalanceFrame) -> None:
        """Put state behind what waits, as one frame wherever that says a change."""
        first = self._state
        if first is None:
            self._state = frame
            self._free_at = max(self._free_at, self._doorbell.turn())
            return
        rest = frame if self._later is None else merged(self._later, frame)
        both = merged(first, rest)
        if both.is_change or not first.is_change:
            self._state, self._later = both, None
        elif any(map(_rings, self._texts[self._ahead_of_state :])):
            # What another service showed since is newer than the first, and the rest than that.
            self._state, self._later = rest, None
        else:
            self._later = rest

    def _take_state(self, state: BalanceFrame) -> BalanceFrame:
        later = self._state = self._later
        self._later = self._overheard_before = None
        if later is None:
            self._state_left()
        if later is None or self._free_at != _RELEASED:
            self._free_at = self._doorbell.rings_again()
        self.announced = bool(self._texts) or later is not None
        return state

    def _is_held(self) -> bool:
        return self._free_at > 0 and self._free_at > self._doorbell.monotonic()

    def _rang(self) -> None:
        """Let state that comes after another service's balance keep its distance, too."""
        if self._free_at != _RELEASED:
            self._free_at = self._doorbell.rings_again()

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

    def _close(self, closing: Closing) -> None:
        self._closing = closing
        if self._state is not None:
            self._base_version = self._state.since
        self._changed()
        self._texts.clear()
        self._state = self._later = None
        self._state_left()

    def _state_left(self) -> None:
        if self._begun is not None:
            self._begun.set()
            self._begun = None


def _rings(text: str | bytes) -> bool:
    """Whether this is a balance, whichever service wrote it."""
    return type(text) is str and text.startswith(BELL)


def _closed(closing: Closing) -> OutboxClosedError:
    return OutboxClosedError(f"the connection is closed ({closing.code} {closing.reason}): drop it")
