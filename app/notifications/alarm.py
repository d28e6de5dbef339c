"""When to look at the windows next, and the pauses after failures."""

from collections.abc import Callable

from app.notifications.ports import Clock, TimerHandle

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
"""The pause after a failure: it doubles from the one to the other."""


class Alarm:
    """Rings at the earliest time that it was set to, but never during a pause.

    Not thread-safe: its owner locks, and calls `rang()` first when it rings.
    """

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._handle: TimerHandle | None = None
        self._at = 0.0
        self._pause = 0.0
        self._paused_until = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether it is too early to try again."""
        return self._clock.monotonic() < self._paused_until

    def set(self, at: float) -> None:
        """Ring at `at`, in seconds of the clock, or after the pause; an earlier time stays set."""
        at = max(at, self._paused_until)
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        self._handle = self._clock.call_later(max(at - self._clock.monotonic(), 0.0), self._ring)

    def rang(self) -> None:
        """Note that it rang: it is set to nothing."""
        self._handle = None

    def fail(self) -> None:
        """Pause, twice as long as the last time."""
        self._pause = min(max(self._pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
        self._paused_until = self._clock.monotonic() + self._pause

    def succeed(self) -> None:
        """Forget about pauses."""
        self._pause = self._paused_until = 0.0
