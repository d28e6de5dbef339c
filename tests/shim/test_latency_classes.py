"""Latency as a difference: far slower, again and again, and nothing less."""

import itertools
import random

import pytest

from app.notifications.service import BalanceNotifications
from shim.balance.pace import OF_RECENT, OFTEN_SLOWER
from shim.shadow.latency import OF_A_CALL
from shim.shadow.spells import Spells
from tests.shim.harness import Harness

EPISODES = 2 * OF_RECENT


class Timer:
    """A clock that moves only when a candidate says that it took time."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Return the seconds that were spent."""
        return self.now


def slowed(seconds, *, late=0.0):
    """Return a harness whose shadow canonical takes so long, and speaks so much later."""
    timer = Timer()
    spent = itertools.cycle(seconds)  # a rehearsed call takes its turn, too

    class Slow(BalanceNotifications):
        waiting = 0

        def is_pending(self, user_id):
            return self.waiting > 0 or super().is_pending(user_id)

        def notify_balance_update(self, hint):
            timer.now += next(spent)
            if late:
                self.waiting += 1
                self.clock.call_later(late, lambda: self.go_on(hint))
            else:
                super().notify_balance_update(hint)

        def go_on(self, hint):
            self.waiting -= 1
            super().notify_balance_update(hint)

    def build(clock, truth, serves, bus=None):
        service = Slow(truth=truth, clock=clock, serves=serves, bus=bus)
        service.clock = clock
        return service

    harness = Harness(timer=timer)
    harness.canonical = build
    harness.__post_init__()
    harness.connect()
    return harness


def play(harness, times=EPISODES, *, by="boost"):
    """Play so many episodes, one after the other."""
    for _ in range(times):
        getattr(harness, by)()
        harness.run(0.8)


def test_a_candidate_that_keeps_being_far_slower_is_a_difference_of_saying():
    """Not from the first time on, and of nothing but its latency."""
    harness = slowed([0.05] * EPISODES)
    play(harness)
    assert harness.found("saying") == {("latency.call", "latency_class")}
    assert harness.outcomes()["saying"] == {
        "matched": OFTEN_SLOWER - 1,
        "mismatched": EPISODES - OFTEN_SLOWER + 1,
    }
    assert harness.outcomes()["truth"] == {"matched": EPISODES}
    [difference] = harness.results[0][1].differences
    assert (difference.expected, difference.actual) == ("below 1 ms", "below 100 ms")


@pytest.mark.parametrize(
    "seconds",
    [
        [0.009] * EPISODES,
        [0.05 if number % 2 else 0.0 for number in range(EPISODES)],
        [5.0 if number % 3 else 0.0 for number in range(EPISODES)],
    ],
)
def test_what_is_one_class_slower_or_slow_at_times_is_noise(seconds):
    """Stalls of one call of two, or of two of three, however long, say nothing of a side."""
    harness = slowed(seconds)
    play(harness)
    assert harness.outcomes()["saying"] == {"matched": EPISODES}


@pytest.mark.parametrize("by", ["boost", "hook"])
def test_a_candidate_that_keeps_being_late_is_a_difference_of_saying(by):
    """The page is told the same, long after legacy would have told it."""
    harness = slowed([0.0] * EPISODES, late=0.3)
    play(harness, by=by)
    assert harness.found("saying") == {("latency.settled", "latency_class")}


def test_a_window_of_the_canonical_is_not_late():
    """It waits as long as production does; legacy that answers at once is not held against it."""
    harness = slowed([0.0] * (3 * EPISODES))
    play(harness)
    play(harness, by="hook")
    play(harness, by="farm")
    assert harness.outcomes()["saying"] == {"matched": 3 * EPISODES}


def test_ordinary_noise_makes_no_difference():
    """A call of some microseconds that one time in ten waits for the interpreter."""
    chance = random.Random(1)
    spells = Spells(often=OFTEN_SLOWER, recent=OF_RECENT)

    def took():
        return chance.uniform(0.02, 0.5) if chance.random() < 0.1 else chance.uniform(2e-6, 9e-4)

    slower = (OF_A_CALL.is_far_slower(took(), took()) for _ in range(200_000))
    assert not any(spells.is_one("a", shown=each) for each in slower)


def test_being_faster_is_no_difference():
    """A candidate that repairs a slow side is not held up by it."""
    assert not OF_A_CALL.is_far_slower(5.0, 0.0)
