"""Keeping the ledger: nothing is lost or counted twice, whatever the store does."""

import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from shim.shadow.bookkeeper import Bookkeeper
from shim.shadow.counts import Cell
from shim.shadow.ledger import MOST_GROUPS, Ledger
from shim.shadow.ledger_store import Batch, LedgerError, LedgerStore, LedgerView, MemoryLedgerStore
from tests.ledger.entries import FARMING, Clock, mismatch


class Unreliable:
    """A store that fails before or after it has added; the outcomes are given."""

    def __init__(self, outcomes: list[str]) -> None:
        self.inner = MemoryLedgerStore()
        self.outcomes = outcomes
        self.handed_in: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """Add, or fail as told; past the end of what was told everything succeeds."""
        self.handed_in.append(batch)
        outcome = self.outcomes.pop(0) if self.outcomes else "added"
        if outcome == "refused":
            raise LedgerError("the database is away")
        self.inner.add(batch)
        if outcome == "added, and nobody knows":
            raise ConnectionResetError("the answer never came")

    def read(self) -> LedgerView:
        """Return everything."""
        return self.inner.read()


class Worker:
    """A ledger and counters with their bookkeeper."""

    def __init__(self, store: LedgerStore, *, name: str = "one") -> None:
        self.ledger = Ledger(utc_now=Clock())
        self.counters: Counter[Cell] = Counter()
        self.bookkeeper = Bookkeeper(
            ledger=self.ledger,
            counters=lambda: self.counters,
            store=store,
            writer=lambda: name,
            every=0.005,
        )

    def happen(self, times: int = 1) -> None:
        """Let divergences happen."""
        for _ in range(times):
            self.ledger.note(mismatch(), callers=["farming"])
            self.counters[FARMING] += 1


def totals(store: LedgerStore) -> tuple[int, int]:
    """Return the counter and the divergences that are kept."""
    view = store.read()
    return view.counters.get(FARMING, 0), sum(group.count for group in view.groups)


OUTCOMES = st.sampled_from(["added", "refused", "added, and nobody knows"])


@given(st.lists(OUTCOMES, max_size=30), st.lists(st.integers(0, 3), max_size=20))
def test_whatever_fails_each_divergence_is_kept_once(
    outcomes: list[str], rounds: list[int]
) -> None:
    """Also where the store added a batch and could not say so."""
    store = Unreliable(outcomes)
    worker = Worker(store)
    for times in rounds:
        worker.happen(times)
        worker.bookkeeper.turn()
        assert totals(store) <= (sum(rounds), sum(rounds))
    store.outcomes.clear()
    worker.bookkeeper.turn()
    assert totals(store) == (sum(rounds), sum(rounds))
    assert worker.bookkeeper.problem is None


def test_nothing_new_is_nothing_to_write() -> None:
    """A quiet worker does not touch the database."""
    store = Unreliable([])
    worker = Worker(store)
    worker.bookkeeper.turn()
    worker.happen()
    worker.bookkeeper.turn()
    worker.bookkeeper.turn()
    assert [batch.number for batch in store.handed_in] == [1]


def test_a_worker_that_starts_anew_takes_nothing_back() -> None:
    """Counters of the new process begin at nothing, those that are kept go on."""
    store = MemoryLedgerStore()
    for name, times in (("before", 5), ("after", 2)):
        worker = Worker(store, name=name)
        worker.happen(times)
        worker.bookkeeper.turn()
    assert totals(store) == (7, 7)


def test_an_outage_is_said_once_and_its_end_once() -> None:
    """With what the store said, and for as long as it lasts in `problem`."""
    worker = Worker(Unreliable(["refused"] * 3))
    with capture_logs() as said:
        for _ in range(5):
            worker.happen()
            worker.bookkeeper.turn()
            if worker.bookkeeper.problem:
                assert worker.bookkeeper.problem.endswith("memory: the database is away")
    assert [(line["event"], line.get("failures")) for line in said] == [
        ("ledger_unwritable", None),
        ("ledger_writable_again", 3),
    ]
    assert worker.bookkeeper.problem is None


@pytest.mark.parametrize("what", ["counters", "writer"])
def test_what_raises_before_a_batch_is_made_loses_nothing(what: str) -> None:
    """It is a problem for as long as it lasts, and the thread lives on."""
    worker = Worker(store := MemoryLedgerStore())
    good = getattr(worker.bookkeeper, f"_{what}")
    raised = threading.Event()

    def bad() -> NoReturn:
        raised.set()
        raise RuntimeError("changed while it was read")

    worker.happen(3)
    setattr(worker.bookkeeper, f"_{what}", bad)
    worker.bookkeeper.start()
    assert raised.wait(60)
    raised.clear()
    assert raised.wait(60)  # at the next turn again
    assert "changed while it was read" in (worker.bookkeeper.problem or "")
    setattr(worker.bookkeeper, f"_{what}", good)
    worker.bookkeeper.stop()
    assert worker.bookkeeper.problem is None
    assert totals(store) == (3, 3)


def test_what_waits_in_an_outage_is_bounded() -> None:
    """A million different divergences while the database is away are a thousand groups."""
    store = Unreliable(["refused"] * 50)
    worker = Worker(store)
    for number in range(5 * MOST_GROUPS):
        worker.ledger.note(mismatch(f"{number:x}"), callers=["farming"])
        if number % 200 == 0:
            worker.bookkeeper.turn()
    store.outcomes.clear()
    worker.bookkeeper.turn()
    sizes = [len(batch.groups) for batch in store.handed_in]
    assert max(sizes) <= MOST_GROUPS + 1
    assert totals(store)[1] == 5 * MOST_GROUPS


def test_the_thread_keeps_by_itself_and_stopping_keeps_the_rest() -> None:
    """Started and stopped as a service; what happened last is not lost."""
    kept = threading.Event()

    class Telling(MemoryLedgerStore):
        def add(self, batch: Batch) -> None:
            """Say that a batch came."""
            super().add(batch)
            kept.set()

    store = Telling()
    worker = Worker(store)
    worker.happen()
    worker.bookkeeper.start()
    assert kept.wait(60)
    worker.happen(2)
    worker.bookkeeper.stop()
    assert totals(store) == (3, 3)


def test_a_locked_database_keeps_it_in_memory(sqlite_url: str, tmp_path: Path) -> None:
    """Somebody else writes: the message says so, bookings are not held up, nothing is lost."""
    database = Database(sqlite_url, instance_path=tmp_path)
    worker = Worker(SqlLedgerStore(database))
    other = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    worker.happen(3)
    worker.bookkeeper.turn()
    assert "is locked" in (worker.bookkeeper.problem or "")
    other.execute("ROLLBACK")
    other.close()
    worker.happen()
    worker.bookkeeper.turn()
    assert worker.bookkeeper.problem is None
    assert totals(SqlLedgerStore(database)) == (4, 4)
    database.dispose()


@pytest.mark.parametrize("damage", ["DROP TABLE ledger_groups", "DROP TABLE ledger_writers"])
def test_a_database_without_the_tables_is_said(
    sqlite_url: str, tmp_path: Path, damage: str
) -> None:
    """Nothing of the batch is kept, reading names it as well, and the worker goes on."""
    database = Database(sqlite_url, instance_path=tmp_path)
    with sqlite3.connect(tmp_path / "app.db") as other:
        other.execute(damage)
    other.close()
    worker = Worker(SqlLedgerStore(database))
    worker.happen()
    worker.bookkeeper.turn()
    assert "its tables were made" in (worker.bookkeeper.problem or "")
    if "groups" in damage:
        with pytest.raises(LedgerError, match="could not be read"):
            SqlLedgerStore(database).read()
    database.dispose()
