"""A time of day that a machine's clock, set back or forward for a moment, does not move."""

from datetime import UTC, datetime, timedelta

import pytest

from app.steady import PATIENCE_S, SteadyClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Machine:
    """Both clocks of a machine, moved by the test."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.off = timedelta(0)

    def monotonic(self) -> float:
        """Return seconds that nobody sets."""
        return self.seconds

    def wall(self) -> datetime:
        """Return the time of day, set or not."""
        return NOON + timedelta(seconds=self.seconds - 1000) + self.off


@pytest.fixture
def machine() -> Machine:
    """Return a machine whose clock is right."""
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    """Return a steady clock on it."""
    return SteadyClock(wall=machine.wall, monotonic=machine.monotonic)


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(days=-400)])
def test_a_clock_that_is_set_for_a_moment_is_not_followed(
    machine: Machine, clock: SteadyClock, off: timedelta
) -> None:
    """Time goes on by the seconds that passed, during the step and after it."""
    for seconds in (1, 100, PATIENCE_S - 102):
        machine.off = off
        machine.seconds += seconds
        assert clock.now() == machine.wall() - off
    machine.off = timedelta(0)
    assert clock.now() == machine.wall()
    machine.off = off
    machine.seconds += 100
    assert clock.now() == machine.wall() - off


def test_a_clock_that_stays_ahead_is_followed(machine: Machine, clock: SteadyClock) -> None:
    """After ten minutes it is believed: the machine slept, or its clock was wrong before."""
    machine.off = timedelta(hours=8)
    clock.now()
    machine.seconds += PATIENCE_S
    assert clock.now() == machine.wall()
    machine.seconds += 1
    assert clock.now() == machine.wall()


def test_a_clock_that_stays_behind_is_not_followed(machine: Machine, clock: SteadyClock) -> None:
    """Time never goes back, so nothing that is due waits until it is there again."""
    machine.off = timedelta(hours=-8)
    before = clock.now()
    for _ in range(3):
        machine.seconds += PATIENCE_S
        before, after = clock.now(), before
        assert before == after + timedelta(seconds=PATIENCE_S)
