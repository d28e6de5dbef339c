"""Reads that fail for a moment, again and again, are no fault of the candidate's."""

import random
from typing import Any

import pytest

from app.notifications.ports import TruthUnavailable
from tests.shim.harness import Harness
from tests.shim.test_what_pages_see import Wrong, shadowed

SECONDS, TURN_S, USERS = 60, 0.02, range(1, 13)


def outages(candidate: type[Wrong] | None = None, *, seed: int) -> Harness:
    """Return a harness whose reads failed, a minute long, for up to 1.5 s each second or two."""
    harness = shadowed(candidate) if candidate else Harness()
    chance = random.Random(seed)
    for user_id in USERS:
        harness.connect(user_id, f"page {user_id}")
    until = changes_at = 0.0
    while until < SECONDS:
        until += TURN_S
        if until >= changes_at:
            harness.truth.failing = not harness.truth.failing
            changes_at = until + chance.choice((0.02, 0.08, 0.3, 1.5))
        if chance.random() < 0.3:
            # Who books has a database that answers: it is the shadows' reads that fail.
            failing, harness.truth.failing = harness.truth.failing, False
            harness.boost(user_id=chance.choice(USERS))
            harness.truth.failing = failing
        harness.run(TURN_S)
    harness.truth.failing = False
    harness.run(3)
    return harness


class Discouraged(Wrong):
    """Reads no more after three reads that failed on end."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        pause = self._alarm.fail

        def give_up() -> None:
            pause()
            if self._failures >= 2:
                self._alarm._paused_until = float("inf")

        self._alarm.fail = give_up


def test_who_gives_up_after_a_few_failures_is_found() -> None:
    """What excuses a pause ends with the longest one that there is."""
    assert outages(Discouraged, seed=0).outcomes()["truth"]["mismatched"] > 0


@pytest.mark.parametrize("seed", range(6))
def test_short_outages_make_no_difference_of_truth(seed: int) -> None:
    """Whoever waited for a read that failed was not late, whatever is rehearsed meanwhile."""
    outcomes = outages(seed=seed).outcomes()["truth"]
    assert "mismatched" not in outcomes
    assert outcomes["matched"] > 50


def test_an_episode_that_could_not_be_judged_for_a_read_that_failed_is_unreadable():
    """The judge asks where a balance was: if that fails, nothing is broken."""
    harness = Harness()
    harness.connect()
    harness.boost(stale=True)
    harness.run(0.05)

    def fail(*_):
        raise TruthUnavailable("no read succeeds at the moment")

    harness.truth.place = fail
    harness.run()
    assert harness.reasons() == {"unreadable"}
