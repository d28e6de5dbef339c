"""What waits to leave on one connection, and in which order."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.notifications.changes import merged
from app.notifications.messages import BalanceFrame

LIMIT = 64
"""Texts and control frames that may wait on a connection."""


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
    that came before its newest part, so that nothing older is read after it.

    `wake` is called when something waits of which it has not told: once for many frames,
    and again for what comes after `take` has returned the last of them. It must not block.
    There is one outbox per browser: its memory is counted in bytes.
    """

    __slots__ = (
        "_ahead_of_state",
        "_base_version",
        "_begun",
        "_closing",
        "_lock",
        "_overheard_before",
        "_state",
        "_texts",
        "_wake",
        "_watchers",
        "announced",
        "overheard",
        "settled",
    )

    def __init__(self, wake: Callable[[], None]) -> None:
        self._watchers: tuple[Callable[[], None], ...] = ()
        self._base_version: int | None = None
        self.overheard: str | None = None
        self.settled: str | None = None
        self._wake = wake
        self.announced = False
        """Whether something waits of which `wake` has told."""
        self._lock = threading.Lock()
        self._begun: threading.Event | None = None
        self._overheard_before: str | None = None
        self._texts: list[str | bytes] = []
        self._state: BalanceFrame | None = None
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
    def waiting(self) -> int:
        """How many frames wait: texts, and the state as one."""
        return len(self._texts) + (self._state is not None)

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
            self._state = frame if self._state is None else merged(self._state, frame)
            self._ahead_of_state = len(self._texts)
            self.base_version = frame.version
            self._overheard_before = self.overheard or self._overheard_before
            self.overheard = None
            announced, self.announced = self.announced, True
        if not announced:
            self._wake()

    def withdraw(self, within: float = 0.0) -> None:
        """Take state back that was not begun `within` so many seconds, with its version."""
        with self._lock:
            if self._state is None:
                return
            if within > 0 and self._begun is None:
                self._begun = threading.Event()
            begun = self._begun
        if begun is not None:
            begun.wait(within)
        with self._lock:
            if self._state is not None:
                self.base_version = self._state.since
                self.overheard = self.overheard or self._overheard_before
                self._state = self._overheard_before = None

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
        """Return what leaves next, None if nothing waits; from here on it is begun."""
        with self._lock:
            if self._closing is not None:
                return self._closing
            texts, state = self._texts, self._state
            if state is not None and self._ahead_of_state == 0:
                self._state = self._overheard_before = None
                self._state_left()
                self.announced = bool(texts)
                return state
            if not texts:
                self.announced = False
                return None
            if self._ahead_of_state:
                self._ahead_of_state -= 1
            text = texts.pop(0)
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
            self.announced = bool(texts) or state is not None or self._closing is not None
        return along

    def _changed(self) -> None:
        for changed in self._watchers:
            changed()

    def _close(self, closing: Closing) -> None:
        self._closing = closing
        self._changed()
        self._texts.clear()
        self._state = None
        self._state_left()

    def _state_left(self) -> None:
        if self._begun is not None:
            self._begun.set()
            self._begun = None


def _closed(closing: Closing) -> OutboxClosedError:
    return OutboxClosedError(f"the connection is closed ({closing.code} {closing.reason}): drop it")
