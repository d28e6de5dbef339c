"""What comparing and publishing raise costs their own result, is counted, and is said once."""

import threading
import tracemalloc
from typing import ClassVar

import pytest
from structlog.testing import capture_logs

from app.notifications.ports import BalanceHint
from shim.shadow import conclude
from shim.shadow.experiment import Experiment
from shim.shadow.result import Comparison, Outcome
from tests.shim.harness import Harness
from tests.shim.test_hostile_candidate import Hostile, shadowed

MATCHED = {"matched": 1}


def farm_for_three(harness):
    """Have the fault in three episodes that are closed together."""
    for user in (7, 8, 9):
        harness.connect(user_id=user, name=f"{user}")
    for user in (7, 8, 9):
        harness.farm(user_id=user)
    harness.run()


class Failing:
    """Raises at its second call, and passes the others on."""

    def __init__(self, call, error):
        self.call = call
        self.error = error
        self.calls = 0

    def __call__(self, *args, **how):
        """Do what it stands for, or raise."""
        self.calls += 1
        if self.calls == 2:
            raise self.error
        return self.call(*args, **how)


@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(3), OSError(28, "No space left")])
def test_a_publisher_that_raises_costs_one_record(error):
    """Its divergence is counted all the same, and so are the episodes closed with it."""
    harness = Harness()
    harness.experiment._publish = Failing(harness._publish, error)
    with capture_logs() as said:
        farm_for_three(harness)
    assert harness.outcomes() == {
        "reach": {"known": 3},
        "truth": {"matched": 3},
        "saying": {"matched": 3},
    }
    assert len(harness.results) == 2
    assert harness.counts.faults == {"publishing": 1}
    assert [line["step"] for line in said if line["event"] == "comparison_faulty"] == ["publishing"]


def test_a_comparer_that_raises_costs_one_comparison(monkeypatch):
    """It counts as broken; every other comparison is made."""
    harness = Harness()
    failing = Failing(conclude.differences, RecursionError("deep"))
    monkeypatch.setattr(conclude, "differences", failing)
    farm_for_three(harness)
    numbers = [sum(each.values()) for each in harness.outcomes().values()]
    assert numbers == [3, 3, 3]
    assert harness.counts.faults == {"comparing": 1}
    assert harness.reasons() == {"broken"}
    assert sum(harness.counts.reasons.values()) == 1


def test_a_normaliser_that_raises_costs_one_episode(monkeypatch):
    """The episodes that were closed together with it are judged."""
    harness = Harness()
    judged = Failing(harness.world._evidence, ValueError("no number"))
    monkeypatch.setattr(harness.world, "_evidence", judged)
    farm_for_three(harness)
    assert harness.outcomes()["truth"] == {"matched": 2, "not_compared": 1}
    assert harness.reasons() == {"broken"}


def test_a_binding_that_cannot_judge_at_all_breaks_what_was_closed_together(monkeypatch):
    """And nothing after it."""
    harness = Harness()
    harness.connect()
    judge = Failing(harness.world.judge, RuntimeError("no"))
    monkeypatch.setattr(harness.world, "judge", judge)
    for _ in range(3):
        harness.farm()
        harness.run()
    assert harness.outcomes()["truth"] == {"matched": 2, "not_compared": 1}
    assert harness.counts.faults == {"judging": 1}


def test_what_is_known_and_cannot_be_asked_hides_nothing():
    """A divergence that might be excused counts as a new one."""

    def excuse(*_):
        raise RuntimeError("the file is gone")

    harness = Harness()
    harness.experiment = Experiment(
        world=harness.world,
        counts=harness.counts,
        publish=harness._publish,
        timer=harness.clock.monotonic,
        excuse=excuse,
    )
    harness.connect()
    harness.boost(stale=True)
    harness.run()
    assert harness.outcomes()["saying"] == {"mismatched": 1}
    assert harness.counts.faults == {"excusing": 1}


class Unregistrable(Hostile):
    """Takes no connection."""

    def register_connection(self, user_id, connection):
        """Raise."""
        raise RuntimeError("full")


class Undecided(Hostile):
    """Cannot say whether it is done with one of the users."""

    def is_pending(self, user_id):
        """Raise for one of them."""
        if user_id == 8:
            raise RuntimeError("who knows")
        return super().is_pending(user_id)


def test_a_candidate_that_takes_no_connection_is_found_in_its_own_episodes():
    """What it raised is a difference of saying, and nobody else's episode is lost."""
    harness = shadowed(Unregistrable)
    farm_for_three(harness)
    assert ("raised", "error") in harness.found("saying")
    assert harness.outcomes()["truth"] == {"mismatched": 3}


def test_a_candidate_that_cannot_say_whether_it_is_idle_breaks_its_own_episodes():
    """The other users' are compared."""
    harness = Harness()
    harness.connect(user_id=7, name="seven")
    harness.connect(user_id=8, name="eight")
    service = harness.world._canonical._service
    service.is_pending = Undecided.is_pending.__get__(
        Undecided.build(harness.clock, harness.truth, lambda _: True)
    )
    harness.boost(user_id=7)
    harness.boost(user_id=8)
    harness.run()
    assert harness.outcomes()["truth"] == {"matched": 1, "not_compared": 1}
    assert harness.reasons() == {"broken"}


class Spawning(Hostile):
    """Starts a thread that goes on after the call, and sends from there."""

    release = threading.Event()
    threads: ClassVar = []

    def notify_balance_update(self, hint):
        """Leave the sending to a thread that waits."""
        super().notify_balance_update(hint)
        connections = list(self.connections_of(hint.user_id))
        thread = threading.Thread(target=self._later, args=(connections,), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _later(self, connections):
        self.release.wait(60)
        for connection in connections:
            connection.send('{"type":"balance_update","userId":7,"data":{}}')


def test_threads_of_a_candidate_can_send_nothing_and_change_no_number():
    """They hold doubles whose episode is over; callers and pages notice nothing."""
    harness = shadowed(Spawning)
    page = harness.connect()
    for _ in range(3):
        harness.boost()
        harness.run()
    before = (harness.outcomes(), list(page.texts), len(harness.results))
    Spawning.release.set()
    for thread in Spawning.threads:
        thread.join(60)
        assert not thread.is_alive()
    harness.run()
    assert (harness.outcomes(), list(page.texts), len(harness.results)) == before
    assert harness.outcomes()["truth"] == {"matched": 3}


class Gluttonous(Hostile):
    """Asks for more memory than there is."""

    def notify_balance_update(self, hint):
        """Allocate, which the interpreter refuses."""
        super().notify_balance_update(hint)
        bytearray(2**62)


def test_a_candidate_that_exhausts_memory_is_a_difference_like_any_error():
    """The refusal is its own error; the caller has its value."""
    harness = shadowed(Gluttonous)
    page = harness.connect()
    harness.boost()
    harness.run()
    assert len(page.texts) == 1
    assert ("raised", "error") in harness.found("saying")
    assert "MemoryError" in repr(harness.lines)


def test_a_full_queue_holds_so_much_memory_and_no_more():
    """Calls of a user with sixteen pages take under 5 KB each; past the limit they take none."""
    limit = 2000
    harness = Harness(queue_limit=limit)
    for number in range(16):
        harness.connect(name=f"{number}")
    harness.boost()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(limit):
        harness.by_id.notify_balance_update(7)
    full = tracemalloc.get_traced_memory()[0]
    for _ in range(limit):
        harness.by_id.notify_balance_update(7)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(harness.migration.queue) == limit
    assert (full - before) / limit < 5_000
    assert after - full < 50_000


def test_a_hint_that_cannot_be_built_costs_no_other_user(monkeypatch):
    """A candidate's own input type that refuses one user is that user's difference."""
    harness = Harness()
    new_hint = harness.world._canonical._new_hint
    monkeypatch.setattr(
        harness.world._canonical, "_new_hint", lambda user: 1 / 0 if user == 8 else new_hint(user)
    )
    assert new_hint is BalanceHint
    farm_for_three(harness)
    assert harness.counts.outcomes[Comparison.TRUTH, Outcome.MATCHED] == 2
    assert "ZeroDivisionError" in repr(harness.lines)
