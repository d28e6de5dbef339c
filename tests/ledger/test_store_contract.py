"""What every store of the ledger holds: in memory, on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from shim.shadow.counts import Cell
from shim.shadow.ledger import OVERFLOW
from shim.shadow.ledger_store import Batch, Epoch, LedgerError, LedgerStore, MemoryLedgerStore
from tests.ledger.entries import AT, FARMING, batch, delta

NewStore = Callable[..., LedgerStore]


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStore]:
    """Return what builds an empty store of each kind."""
    if request.param == "memory":
        yield MemoryLedgerStore
        return
    url = request.getfixturevalue(f"{request.param}_url")
    database = Database(url, instance_path=tmp_path)
    yield lambda **options: SqlLedgerStore(database, **options)
    database.dispose()


def test_an_empty_store_has_nothing(new_store: NewStore) -> None:
    """No counter, no group, no hit."""
    view = new_store().read()
    assert (view.counters, view.groups, view.hits()) == ({}, (), {})


def test_batches_of_all_writers_are_added_up(new_store: NewStore) -> None:
    """Counters and groups are sums; callers are counted each by its name."""
    store = new_store()
    store.add(batch(1, delta(count=2), counters={FARMING: 5}))
    store.add(batch(1, delta(count=3, callers={"wallet": 3}), writer="two", counters={FARMING: 7}))
    view = store.read()
    assert view.counters == {FARMING: 12}
    [group] = view.groups
    assert (group.count, group.callers) == (5, {"farming": 2, "wallet": 3})
    assert group.differences == ("recipients.* missing",)


def test_a_batch_that_is_handed_in_twice_is_added_once(new_store: NewStore) -> None:
    """A writer that cannot know whether its batch was added may hand it in again."""
    store = new_store()
    for number in (1, 1, 2, 1, 2):
        store.add(batch(number, delta(), counters={FARMING: 1}))
    view = store.read()
    assert (view.counters[FARMING], view.groups[0].count) == (2, 2)


EPOCHS = tuple(
    Epoch(number, AT + timedelta(hours=number), resumed)
    for number, resumed in ((0, True), (5, True), (6, False), (7, True), (9, False))
)
"""A ramp, a rollback, a resume, and the end of a drill."""


def incident(store: LedgerStore) -> None:
    """Fill a store with one divergence that was repaired between two resumes."""
    counters = {FARMING._replace(epoch=each.number): 10 + each.number for each in EPOCHS}
    groups = [delta("bad", 3, epoch=5), delta("old", 2, epoch=5), delta("old", 1, epoch=7)]
    store.add(batch(1, *groups, counters=counters, epochs=EPOCHS))
    store.add(batch(1, writer="two", counters={FARMING._replace(epoch=7): 1}, epochs=EPOCHS[3:4]))


def test_sums_are_told_apart_by_epoch(new_store: NewStore) -> None:
    """So that a verdict is of the time since the last resume, which no drill is."""
    store = new_store()
    incident(store)
    view = store.read()
    assert view.epochs == EPOCHS
    assert view.last_resume == EPOCHS[3]
    recent = view.since(view.last_resume)
    assert recent.counters == {FARMING: 17 + 1 + 19}
    assert [(group.fingerprint, group.count) for group in recent.groups] == [("old", 1)]


def test_all_epochs_together_are_the_whole(new_store: NewStore) -> None:
    """Groups of one kind are one group again, with all its callers."""
    store = new_store()
    incident(store)
    whole = store.read().since()
    assert whole.counters == {FARMING: 10 + 15 + 16 + 17 + 19 + 1}
    assert [(group.fingerprint, group.count) for group in whole.groups] == [("bad", 3), ("old", 3)]
    assert whole.groups[1].callers == {"farming": 3}


@pytest.mark.parametrize(("hours", "epoch"), [(-1, 0), (0, 0), (5.5, 5), (6, 6), (99, 9)])
def test_the_epoch_of_a_moment_is_found(new_store: NewStore, hours: float, epoch: int) -> None:
    """The one in force then; of a time before all of them the first."""
    store = new_store()
    incident(store)
    found = store.read().in_force_at(AT + timedelta(hours=hours))
    assert found is not None
    assert found.number == epoch


def test_a_process_that_starts_anew_takes_nothing_back(new_store: NewStore) -> None:
    """Its batches count from one again, under another name, and are added all the same."""
    store = new_store()
    store.add(batch(1, counters={FARMING: 9}, writer="before"))
    store.add(batch(1, counters={FARMING: 1}, writer="after"))
    assert store.read().counters == {FARMING: 10}


def test_known_and_unknown_divergences_of_one_fingerprint_are_two_groups(
    new_store: NewStore,
) -> None:
    """Before and after somebody accepted it; the hits are those of the known one."""
    store = new_store()
    store.add(batch(1, delta(count=3), delta(count=4, known="rounding")))
    view = store.read()
    assert [(group.known, group.count) for group in view.groups] == [("rounding", 4), ("", 3)]
    assert view.hits() == {"rounding": 4}


def test_the_first_and_the_last_time_are_kept_whatever_order_they_come_in(
    new_store: NewStore,
) -> None:
    """A clock that jumps, or another host's that is behind, makes no first later than a last."""
    store = new_store()
    for number, hours in enumerate((0, 5, -3, 1), start=1):
        store.add(batch(number, delta(at=AT + timedelta(hours=hours))))
    [group] = store.read().groups
    assert group.first_seen == AT - timedelta(hours=3)
    assert group.last_seen == AT + timedelta(hours=5)


def test_the_first_three_samples_are_kept(new_store: NewStore) -> None:
    """Later ones, and those of other processes, do not take their place."""
    store = new_store()
    store.add(batch(1, delta(samples=(1, 2))))
    store.add(batch(1, delta(samples=(1, 2, 3)), writer="two"))
    store.add(batch(2, delta(samples=(3, 4))))
    [group] = store.read().groups
    assert [text[6] for text in group.samples] == ["1", "2", "3"]


def test_groups_past_the_bound_share_one(new_store: NewStore) -> None:
    """A hundred fingerprints in a store for five: none is lost, each is counted once."""
    store = new_store(most=5)
    for number in range(1, 11):
        marks = range(number * 10, number * 10 + 10)
        store.add(batch(number, *(delta(f"{mark}") for mark in marks)))
    groups = store.read().groups
    assert len(groups) == 6
    assert groups[0].fingerprint == OVERFLOW
    assert sum(group.count for group in groups) == 100


def test_groups_come_with_the_most_frequent_first(new_store: NewStore) -> None:
    """So that a reader sees first what matters most."""
    store = new_store()
    store.add(batch(1, delta("a", 1), delta("b", 3), delta("c", 2)))
    assert [group.fingerprint for group in store.read().groups] == ["b", "c", "a"]


def insist(store: LedgerStore, one: Batch) -> None:
    """Hand a batch in until it is added: on a busy machine the others' locks last long."""
    for _ in range(20):
        try:
            return store.add(one)
        except LedgerError as error:
            assert "locked" in str(error)
    raise AssertionError("the lock was never free")


def test_writers_at_once_lose_nothing(database_url: str, tmp_path: Path) -> None:
    """Several processes add to the same rows: each batch is in the sums exactly once."""
    databases = [Database(database_url, instance_path=tmp_path) for _ in range(4)]
    marks = [f"{mark}" for mark in range(20)]

    def write(number: int) -> None:
        store = SqlLedgerStore(databases[number])
        ordered = marks if number % 2 else marks[::-1]
        for count in range(1, 6):
            groups = [delta(mark) for mark in ordered]
            insist(store, batch(count, *groups, writer=f"w{number}", counters={FARMING: 1}))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    view = SqlLedgerStore(databases[0]).read()
    assert view.counters == {FARMING: 20}
    assert {group.count for group in view.groups} == {20}
    for each in databases:
        each.dispose()


def test_a_caller_with_an_endless_name_is_cut(new_store: NewStore) -> None:
    """No batch is refused for a name: two that agree in their beginning are one."""
    store = new_store()
    long = {Cell("m" * 300 + end, "legacy", "", "sampled"): 1 for end in "ab"}
    store.add(batch(1, counters=long))
    assert sum(store.read().counters.values()) == 2
