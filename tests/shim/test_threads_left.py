"""Threads that a candidate leaves behind: one for each call is a leak, those of a pool are none."""

import threading

import pytest

from shim.balance.pace import OF_LATEST, OFTEN_LEAVING
from shim.replay.finding import MANY_EPISODES, Finding
from tests.replay.stage import cases, replayed, shadowed
from tests.shim.test_hostile_candidate import Hostile

EPISODES = 2 * OF_LATEST
POOL = 32
"""The most that Python's own pool of threads starts by default."""


class Leaving(Hostile):
    """Starts threads that go on after the call; `most` of them, if that is not None."""

    most = None
    release = threading.Event()
    started = 0

    def notify_balance_update(self, hint):
        """Leave one behind, then do as the service does."""
        if self.most is None or self.started < self.most:
            self.started += 1
            threading.Thread(target=self.release.wait, args=(60,), daemon=True).start()
        super().notify_balance_update(hint)


class Pooled(Leaving):
    """Starts one for each of its first calls, then no more."""

    most = POOL


@pytest.fixture(autouse=True)
def released():
    """Let the threads go, and wait until they are gone."""
    before = set(threading.enumerate())
    Leaving.release.clear()
    yield
    Leaving.release.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(60)


def play(candidate):
    """Return a harness in which the candidate was shown many episodes."""
    harness = shadowed(candidate)
    harness.connect()
    for _ in range(EPISODES):
        harness.boost()
        harness.run(0.8)
    return harness


def test_a_candidate_that_leaves_a_thread_behind_with_each_call_is_a_difference_of_saying():
    """Not from the first time on: once or twice it may be somebody else's."""
    harness = play(Leaving)
    assert harness.found("saying") == {("threads", "value")}
    assert harness.outcomes()["saying"] == {
        "matched": OFTEN_LEAVING - 1,
        "mismatched": EPISODES - OFTEN_LEAVING + 1,
    }
    assert harness.outcomes()["truth"] == {"matched": EPISODES}


def test_a_pool_that_fills_up_is_no_leak():
    """A service may start its threads when they are first needed."""
    assert play(Pooled).outcomes()["saying"] == {"matched": EPISODES}


def test_whether_threads_are_still_left_behind_cannot_be_decided_offline():
    """A run of one case leaves none: that says nothing of a candidate that leaves one each time."""
    case = cases(play(Leaving))[-1]
    found = replayed(case)
    assert [each.path for each in case.differences] == ["threads"]
    assert (found.finding, found.lacks) == (Finding.NOT_DECIDABLE, (MANY_EPISODES,))
