"""What the guard over all workers goes on with: records, epochs, and counts that cannot be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters import guard_sql
from app.adapters.guard_sql import SqlGuardStore
from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from app.models import GuardRow
from shim.guard.judging import Guarded, judge_all
from shim.guard.limits import GuardLimits
from shim.guard.record import Kept, record_from_text, record_to_text
from shim.guard.ruling import State
from shim.guard.totals import Context, compared_by_caller, since, totals_of
from shim.guard.watching import Look, compared_since, watched
from shim.shadow.counts import Cell
from shim.shadow.ledger import GroupDelta, GroupKey
from shim.shadow.ledger_store import DRILL, Batch

GUARDED = Guarded(GuardLimits())


def counted(total, diverged=0, *, caller="boosts", harms=0):
    """Return totals of one caller."""
    found = {}
    for who in ("*", caller):
        found[f"compared truth {who}"] = total
        found[f"diverged truth {who}"] = diverged
    return {**found, "harm wrong_amount": harms}


def test_a_record_survives_its_leader_as_json():
    """Whoever leads next reads exactly what was kept, evidence that never was included."""
    record = watched(None, Look(3, 5, counted(0)), GUARDED)
    record = watched(record, Look(3, 5, counted(1000, 1), elapsed=1.0), GUARDED)
    assert record_from_text(record_to_text(record)) == record
    assert watched(
        record_from_text(record_to_text(record)), Look(3, 5, counted(2000, 2)), GUARDED
    ) == watched(record, Look(3, 5, counted(2000, 2)), GUARDED)


def test_what_was_counted_before_the_epoch_is_not_judged():
    """Neither at the first look, nor after a resume, which begins the step anew as well."""
    record = watched(None, Look(1, 100, counted(1000, 900, harms=7)), GUARDED)
    assert record.ruling.state is State.INCONCLUSIVE
    record = watched(record, Look(1, 100, counted(1500, 950, harms=8), elapsed=9.0), GUARDED)
    assert record.ruling.limit == "wrong_amount"
    assert "1 seen" in record.ruling.message
    record = watched(record, Look(3, 100, counted(1600, 960, harms=9)), GUARDED)
    assert (record.ruling.state, record.step.seconds) == (State.INCONCLUSIVE, 0.0)
    assert record.epoch == 3


def test_a_drill_is_a_breach_that_forgets_nothing():
    """Tests and step go on after it, and the same drill does not trip twice."""
    record = watched(None, Look(1, 5, counted(0)), GUARDED)
    record = watched(record, Look(1, 5, counted(500), elapsed=60.0), GUARDED)
    drilled = watched(record, Look(1, 5, {**counted(500), DRILL: 1}), GUARDED)
    assert (drilled.ruling.state, drilled.ruling.limit) == (State.BREACHED, DRILL)
    after = watched(drilled, Look(3, 5, {**counted(600), DRILL: 1}, elapsed=1.0), GUARDED)
    assert after.ruling.state is State.HEALTHY
    assert after.step.seconds == 61.0
    assert after.memories["truth"].tests["*"].trials == 600


def test_a_step_is_watched_by_one_clock_and_begins_with_each_percentage():
    """Seconds are those between two looks of one leader: hosts whose clocks differ do no harm."""
    record = watched(None, Look(1, 5, counted(10)), GUARDED)
    for _ in range(4):
        record = watched(record, Look(1, 5, counted(30), elapsed=0.25), GUARDED)
    assert record.step.seconds == 1.0
    assert compared_since(record.step, counted(30), GUARDED) == {"boosts": 20}
    record = watched(record, Look(1, 10, counted(40), elapsed=0.25), GUARDED)
    assert (record.step.percentage, record.step.seconds) == (10, 0.0)
    assert compared_since(record.step, counted(45), GUARDED) == {"boosts": 5}


RATES = [name for name in sorted(counted(0)) if not name.startswith("harm")]


@given(st.lists(st.dictionaries(st.sampled_from(RATES), st.integers(-5, 900)), max_size=10))
def test_counts_that_go_back_come_late_twice_or_are_nonsense_trip_nothing(reports):
    """Nothing below what is known counts; more divergences than comparisons are cut to them."""
    record = watched(None, Look(1, 5, counted(1000)), GUARDED)
    for report in reports:
        record = watched(record, Look(1, 5, report), GUARDED)
        assert record.ruling.state is State.INCONCLUSIVE
    healthy = watched(record, Look(1, 5, counted(2000)), GUARDED)
    assert healthy.ruling.state is State.HEALTHY


def test_alpha_is_divided_among_the_comparisons():
    """What trips by one comparison alone may be too little where two are guarded."""

    def tripping(guarded):
        """Return among how many comparisons three divergences still trip."""
        return max(
            total
            for total in range(200, 6000, 10)
            if judge_all(counted(total, 3), guarded, {}, context=Context())[0].state
            is State.BREACHED
        )

    assert 200 < tripping(Guarded(comparisons=("truth", "saying"))) < tripping(Guarded())


def test_totals_leave_out_classes_known_groups_and_other_comparisons():
    """Both sides are added up; a harm is counted once, under everybody."""
    counters = {
        Cell("*", "legacy", "truth", "matched"): 5,
        Cell("*", "canonical", "truth", "mismatched"): 2,
        Cell("~few", "legacy", "truth", "matched"): 5,
        Cell("boosts", "legacy", "truth", "known"): 1,
        Cell("boosts", "legacy", "saying", "mismatched"): 9,
        Cell("*", "legacy", "noise of truth", "mismatched"): 1,
        Cell("*", "legacy", "truth", "harm:wrong_amount"): 3,
        Cell("*", "legacy", "truth", "not_compared:raced"): 8,
    }
    groups = [
        (GroupKey("truth", "f1", ""), 2),
        (GroupKey("truth", "f2", "some-id"), 2),
        (GroupKey("saying", "f3", ""), 9),
        (GroupKey(DRILL, DRILL, ""), 1),
    ]
    totals = totals_of(counters, groups, comparisons=("truth",))
    assert totals == {
        "compared truth *": 7,
        "diverged truth *": 2,
        "compared truth boosts": 1,
        "compared noise truth": 1,
        "diverged noise truth": 1,
        "harm wrong_amount": 3,
        "group f1": 2,
        DRILL: 1,
    }
    assert compared_by_caller(totals, ("truth",)) == {"boosts": 1}
    assert since({"a": 1, "b": 5}, {"a": 3, "b": 2}) == {"b": 3}


@pytest.fixture
def store(database: Database) -> SqlGuardStore:
    """Return a store on a real database of either kind."""
    return SqlGuardStore(database, migration="balance-notifications", comparisons=("truth",))


def test_of_two_leaders_one_keeps_its_record(store):
    """The other one is told, and goes on with what was kept."""
    assert store.read() == Kept()
    record = watched(None, Look(1, 5, counted(0)), GUARDED)
    assert store.write(record, after=0)
    kept = store.read()
    assert (kept.record, kept.version) == (record, 1)
    later = watched(record, Look(1, 5, counted(10)), GUARDED)
    assert store.write(later, after=1)
    assert not store.write(record, after=1)
    assert store.read().record == later


def test_a_record_that_is_nonsense_is_none_and_is_replaced(store, database):
    """A new one is begun under the next version."""
    with database.transaction() as session:
        session.add(
            GuardRow(
                migration="balance-notifications",
                version=4,
                text='{"epoch": "three"}',
                judged_at=datetime.now(UTC),
            )
        )
    assert (store.read().record, store.read().version) == (None, 4)
    assert store.write(watched(None, Look(1, 5, {}), GUARDED), after=4)
    assert store.read().record is not None


def test_the_age_of_a_record_is_that_of_the_databases_clock(store, monkeypatch):
    """A host whose clock is a minute off sees a fresh record where a server has the time."""
    assert store.write(watched(None, Look(1, 5, {}), GUARDED), after=0)

    class Ahead(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) + timedelta(minutes=1)

    with store._database.reading() as session:
        server = session.connection().dialect.name != "sqlite"
    monkeypatch.setattr(guard_sql, "datetime", Ahead)
    assert (store.read().age_s < 30) is server  # a file has no other clock than its host's


def test_the_ledger_is_read_as_all_workers_handed_it_in(store, database):
    """What all workers counted, drills included, which the ledger itself does not show."""
    ledger = SqlLedgerStore(database)
    now = datetime.now(UTC)
    cell = Cell("*", "canonical", "truth", "mismatched")
    assert store.totals() == {}
    delta = GroupDelta(GroupKey("truth", "f1", ""), (), 2, now, now, {"boosts": 2})
    ledger.add(Batch("one:balance-notifications", 1, {cell: 2}, (delta,)))
    assert store.totals()["group f1"] == 2
    drill = GroupDelta(GroupKey(DRILL, DRILL, ""), (), 1, now, now, {})
    ledger.add(Batch("two:balance-notifications", 1, {cell: 1}, (drill,)))
    assert store.totals() == {"compared truth *": 3, "diverged truth *": 3, "group f1": 2, DRILL: 1}
    assert [group.comparison for group in ledger.read().groups] == ["truth"]
