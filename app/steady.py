"""A time of day that a clock which is set back or forward for a moment does not move."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

PATIENCE_S = 600.0
"""For how long the machine's clock must be ahead before it is believed."""
_ASIDE = timedelta(seconds=2)
"""By how much the two may differ: the machine's clock is adjusted a little all the time."""


def wall_clock() -> datetime:
    """Return the time of day by the machine's clock, aware, in UTC."""
    return datetime.now(UTC)


class SteadyClock:
    """Goes on from the time of day at which it was made, by the monotonic clock.

    A machine's clock that stays ahead for `PATIENCE_S` is followed: a machine that slept, or
    whose clock was wrong at first. One that is behind is not, for then what is due would wait
    until it is there again: this clock never goes back. Not for several threads.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._since = monotonic()
        self._then = wall()
        self._ahead_since: float | None = None

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        monotonic, wall = self._monotonic(), self._wall()
        steady = self._then + timedelta(seconds=monotonic - self._since)
        if wall - steady <= _ASIDE:
            self._ahead_since = None
        elif self._ahead_since is None:
            self._ahead_since = monotonic
        elif monotonic - self._ahead_since >= PATIENCE_S:
            self._since, self._then, self._ahead_since = monotonic, wall, None
            return wall
        return steady
