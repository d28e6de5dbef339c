"""What waits to leave on one connection, and in which order."""

import threading
from collections import deque
from dataclasses import dataclass

from app.notifications.changes import merged
from app.notifications.messages import BalanceFrame, balance_update

LIMIT = 64
"""Texts that may wait on a connection."""


class OutboxClosedError(ConnectionError):
    """The connection is closed, or was closed because too much waited on it."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The last thing that leaves: the close, with its code and reason."""

    code: int
    reason: str


class Outbox:
    """Texts in order and by count; balance state as one frame that newer state is merged into.

    Safe to call from any thread; one thread calls `take`. The state stands behind the texts
    that came before its newest part, so that nothing older is read after it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.base_version: int | None = None
        self.overheard: str | None = None
        self._overheard_before: str | None = None
        self._texts: deque[str] = deque()
        self._state: BalanceFrame | None = None
        self._ahead_of_state = 0
        self._closing: Closing | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything may still be put in."""
        return self._closing is None

    def put(self, text: str) -> None:
        """Add a text. Raises OutboxClosedError; too many of them close the outbox, code 1013."""
        with self._changed:
            self._check_open()
            if len(self._texts) >= LIMIT:
                self._close(Closing(1013, "reads too slowly: try again later"))
                raise OutboxClosedError(
                    f"{LIMIT} frames wait already: the connection reads too slowly and was closed"
                )
            self._texts.append(text)
            self._changed.notify_all()

    def offer(self, frame: BalanceFrame) -> None:
        """Add state, or merge it into what waits; older than `base_version`, it is ignored."""
        with self._changed:
            self._check_open()
            if self.base_version is not None and frame.version <= self.base_version:
                return
            self._state = frame if self._state is None else merged(self._state, frame)
            self._ahead_of_state = len(self._texts)
            self.base_version = frame.version
            self._overheard_before = self.overheard or self._overheard_before
            self.overheard = None
            self._changed.notify_all()

    def withdraw(self, within: float) -> None:
        """Take state back that was not begun `within` so many seconds, with its version."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is None, timeout=within)
            if self._state is not None:
                self.base_version = self._state.since
                self.overheard = self.overheard or self._overheard_before
                self._state = self._overheard_before = None

    def close(self, code: int, reason: str) -> None:
        """Let nothing more in, and nothing out but the close; the first close stands."""
        with self._changed:
            if self._closing is None:
                self._close(Closing(code, reason))

    def take(self) -> str | Closing:
        """Wait for what leaves next, and return it; from here on it is begun."""
        with self._changed:
            self._changed.wait_for(self._has_something)
            if self._closing is not None:
                return self._closing
            if self._state is not None and self._ahead_of_state == 0:
                frame, self._state = self._state, None
                self._overheard_before = None
                self._changed.notify_all()
                return balance_update(frame)
            self._ahead_of_state = max(self._ahead_of_state - 1, 0)
            return self._texts.popleft()

    def _has_something(self) -> bool:
        return bool(self._texts) or self._state is not None or self._closing is not None

    def _check_open(self) -> None:
        if self._closing is not None:
            raise OutboxClosedError(
                f"the connection is closed ({self._closing.code} {self._closing.reason}): drop it"
            )

    def _close(self, closing: Closing) -> None:
        self._closing = closing
        self._texts.clear()
        self._state = None
        self._changed.notify_all()
