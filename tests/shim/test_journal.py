"""What was replaced lately: what held at a call can be said later, or that it is forgotten."""

import pytest

from shim.migration import CallContext
from shim.shadow.journal import ForgottenError, Journal
from shim.shadow.result import NotCompared, Outcome
from tests.shim.harness import Harness


def test_what_held_after_each_change_is_found_whatever_came_later():
    """A value that was replaced is found by how many changes there had been."""
    journal, now, held = Journal(most=4), {}, []
    for value in range(12):
        key = f"key {value % 2}"
        journal.replace(key, now.get(key))
        now[key] = value
        held.append((journal.changes, dict(now)))
    for changes, then in held[-4:]:
        assert {key: journal.as_of(changes, key, now[key]) for key in now} == then


def test_what_is_long_past_is_forgotten_and_said_to_be():
    """Memory is bounded: of what changed too often since, nothing is claimed."""
    journal = Journal(most=4)
    for value in range(100):
        journal.replace("key", value)
    assert sum(map(len, journal._known[1].values())) + len(journal._known[2]["key"]) <= 8
    with pytest.raises(ForgottenError, match="'key' was forgotten"):
        journal.as_of(50, "key", 100)


def test_a_call_is_shown_as_things_were_when_it_was_made():
    """Connections and the cache that change before a call is taken up are not its own."""
    harness = Harness()
    connection = harness.connect()
    harness.manager.remember(7, "1")
    harness.by_id.notify_balance_update(7)
    connection.is_open = False
    harness.manager.remember(7, "2")
    harness.by_id.notify_balance_update(7)
    first, second = (CallContext.of(call) for call in harness.migration.queue.take(10))
    assert [state.is_open for state in (*first.connections, *second.connections)] == [True, False]
    assert (first.cached.uni, second.cached.uni) == (1, 2)


def test_a_call_of_which_is_forgotten_how_things_were_is_left_out():
    """An episode whose snapshot is lost is not compared, and nobody is blamed for it."""
    harness = Harness()
    harness.connect()
    harness.by_id.notify_balance_update(7)
    for _ in range(20_000):
        harness.migration.journal.replace("another", None)
    harness.run(1.5)
    assert harness.counts.reasons.total() == 3
    assert {reason for _, reason in harness.counts.reasons} == {NotCompared.RACED}
    assert {outcome for _, outcome in harness.counts.outcomes} == {Outcome.NOT_COMPARED}
