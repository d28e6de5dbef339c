"""Collecting windows: a burst of hints becomes one message, and no stream can starve."""

import heapq
import itertools
from collections.abc import Iterable

QUIET_S = 0.1
"""A window closes when no hint came for so many seconds,"""
LONGEST_S = 0.25
"""or so many seconds after its first hint, whatever comes."""


class Window:
    """One user's open window; times in seconds of the clock's `monotonic()`."""

    __slots__ = ("first", "last", "user_id")

    def __init__(self, user_id: int, now: float) -> None:
        self.user_id = user_id
        self.first = now
        self.last = now

    @property
    def due(self) -> float:
        """When it closes, unless another hint comes."""
        return min(self.last + QUIET_S, self.first + LONGEST_S)


class Windows:
    """The open windows of all users. Not thread-safe: its owner locks."""

    def __init__(self) -> None:
        self._open: dict[int, Window] = {}
        self.get = self._open.get
        """The open window of a user id, or None; a hint that prolongs it sets its `last`."""
        # Each open window has at least one entry, at or before the time it is due: a hint
        # that prolongs a window costs no heap operation.
        self._agenda: list[tuple[float, int, Window]] = []
        self._sequence = itertools.count()

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._open

    def hint(self, user_id: int, now: float) -> None:
        """Open the user's window, or prolong it."""
        window = self.get(user_id)
        if window is not None:
            window.last = now
            return
        window = self._open[user_id] = Window(user_id, now)
        self._enter(window, window.due)

    def users(self) -> tuple[int, ...]:
        """Return the users with an open window, first opened first."""
        return tuple(self._open)

    def wake_at(self) -> float | None:
        """Return a time by which to call `take_due`; None if no window is open."""
        self._forget_closed()
        return self._agenda[0][0] if self._agenda else None

    def take_due(self, now: float) -> list[Window]:
        """Close and return the windows that are due."""
        due = []
        while self._agenda and self._agenda[0][0] <= now:
            _, _, window = heapq.heappop(self._agenda)
            if self._open.get(window.user_id) is not window:
                continue
            if window.due > now:
                self._enter(window, window.due)
            else:
                due.append(self._open.pop(window.user_id))
        return due

    def take(self, users: Iterable[int] | None = None) -> list[Window]:
        """Close and return the windows of these users, of all if None, due or not."""
        chosen = tuple(self._open) if users is None else users
        return [self._open.pop(user_id) for user_id in chosen if user_id in self._open]

    def restore(self, windows: Iterable[Window], at: float) -> None:
        """Open windows again that could not be served, to be due at `at`."""
        for window in windows:
            opened = self._open.setdefault(window.user_id, window)
            opened.first = min(opened.first, window.first)
            self._enter(opened, at)

    def _enter(self, window: Window, at: float) -> None:
        heapq.heappush(self._agenda, (at, next(self._sequence), window))

    def _forget_closed(self) -> None:
        while self._agenda and self._open.get(self._agenda[0][2].user_id) is not self._agenda[0][2]:
            heapq.heappop(self._agenda)
