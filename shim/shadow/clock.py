"""A clock that moves only when it is told to, so that a shadow's timers need no waiting."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class _Timer:
    """A callback with its due time; cancelled ones are passed over when they come up."""

    __slots__ = ("callback", "cancelled", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Do not call it any more."""
        self.cancelled = True


class VirtualClock:
    """Monotonic seconds, a UTC time of day that follows them, and timers.

    Times never go back: advancing to the past changes nothing. Not thread-safe; a
    shadow's clock belongs to the one thread that runs the shadow.
    """

    def __init__(self, *, start: float = 0.0, utc: datetime | None = None) -> None:
        self._now = start
        self._start = start
        self._utc = utc or datetime(2000, 1, 1, tzinfo=UTC)
        self._timers: list[tuple[float, int, _Timer]] = []
        self._sequence = itertools.count()

    def monotonic(self) -> float:
        """Return the seconds this clock has reached."""
        return self._now

    def utc_now(self) -> datetime:
        """Return the time of day that belongs to `monotonic()`."""
        return self.utc_at(self._now)

    def utc_at(self, moment: float) -> datetime:
        """Return the time of day that belongs to a moment of `monotonic()`."""
        return self._utc + timedelta(seconds=moment - self._start)

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        """Call `callback` when the clock is advanced past `delay` seconds from now."""
        timer = _Timer(self._now + max(delay, 0.0), callback)
        heapq.heappush(self._timers, (timer.due, next(self._sequence), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`, calling what comes due in order of due time."""
        self.advance_to(self._now + seconds)

    def advance_to(self, moment: float) -> None:
        """Move on to `moment`; a callback sees its own due time and may set new timers."""
        while self._timers and self._timers[0][0] <= moment:
            due, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            if not timer.cancelled:
                timer.callback()
        self._now = max(self._now, moment)
