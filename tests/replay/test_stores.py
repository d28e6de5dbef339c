"""What is kept in the database: no more than there is room for, no longer than is said."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from app.adapters.ledger import SqlLedgerStore
from app.adapters.replays import SqlReplayStore
from app.adapters.retention import Kept, SqlRetention
from app.database import Database
from app.models import LedgerCaller, LedgerSample, LedgerWriter, ShadowReplay
from shim.shadow.bookkeeper import Bookkeeper
from shim.shadow.ledger import Ledger
from shim.shadow.ledger_store import Epoch
from shim.shadow.replays import (
    LARGEST,
    Record,
    ReplayStoreError,
    Share,
)
from shim.shadow.result import Comparison, Outcome, Result
from tests.ledger.entries import AT, FARMING, batch, delta
from tests.replay.test_keeping import Clock, keeper, offer
from tests.servers import PostgresServer


def record(number: int, *, mark: str = "f", share: Share = Share.FIRST, days: float = 0) -> Record:
    """Return a record; the number orders its share."""
    at = AT + timedelta(days=days, seconds=number)
    return Record(f"{mark}-{share}-{number}", mark, share, float(number), at, f"{number}")


def test_a_store_keeps_the_lowest_draws_of_all_processes(database: Database) -> None:
    """Five and twenty of each fingerprint, whoever hands them in and however often."""
    store = SqlReplayStore(database)
    for start in (0, 3, 1, 2, 1):
        store.add([record(n) for n in range(start, 40, 4)])
        store.add([record(n, share=Share.SAMPLE) for n in range(start, 80, 4)])
    store.add([record(1, mark="g")])
    kept = store.find("f")
    assert [each.text for each in kept if each.share is Share.FIRST] == list("01234")
    assert [each.text for each in kept if each.share is Share.SAMPLE] == [*map(str, range(20))]
    assert [each.fingerprint for each in store.find("g")] == ["g"]
    assert store.find("%") == ()


def test_a_store_that_is_full_takes_no_new_fingerprint(database: Database) -> None:
    """The known ones go on within their own bound; how many found no room is told."""
    store = SqlReplayStore(database, most=3)
    assert store.add([record(n) for n in range(3)]) == 0
    assert store.add([record(0, mark="g"), record(3)]) == 1
    assert (len(store.find("f")), store.find("g")) == (4, ())


def insist(store: SqlReplayStore, records: list[Record]) -> int:
    """Hand records in until they are taken: on a busy machine the others' locks last long."""
    for _ in range(20):
        try:
            return store.add(records)
        except ReplayStoreError as error:
            assert "locked" in str(error)
    raise AssertionError("the lock was never free")


def test_workers_that_add_at_once_lose_nothing(database_url: str, tmp_path: Path) -> None:
    """Each fingerprint ends with the records that one worker alone would have kept."""
    databases = [Database(database_url, instance_path=tmp_path) for _ in range(3)]

    def write(number: int) -> None:
        store = SqlReplayStore(databases[number])
        for n in range(number, 30, 3):
            insist(store, [record(n, mark=mark) for mark in ("f", "g")])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = SqlReplayStore(databases[0])
    store.add([record(99), record(99, mark="g")])
    for mark in ("f", "g"):
        assert [each.text for each in store.find(mark)] == list("01234")
    for each in databases:
        each.dispose()


def retention(database: Database, clock: Clock, **options: Any) -> SqlRetention:
    """Return one worker's part in removing what is old."""
    kept = Kept(replays=timedelta(days=14), ledger=timedelta(days=90))
    return SqlRetention(database, kept, utc_now=clock, **options)


def test_what_is_too_old_is_removed_and_nothing_else(database: Database) -> None:
    """A replay after 14 days, a group of the ledger 90 days after it was last seen."""
    replays, ledger, clock = SqlReplayStore(database), SqlLedgerStore(database), Clock()
    replays.add([record(1), record(2, days=2)])
    ledger.add(batch(1, delta("old", samples=(1,)), delta("new", at=AT + timedelta(days=1))))
    clock.now = AT + timedelta(days=15)
    retention(database, clock).turn()
    assert [each.text for each in replays.find("f")] == ["2"]
    assert {group.fingerprint for group in ledger.read().groups} == {"old", "new"}
    clock.now = AT + timedelta(days=90, hours=12)
    retention(database, clock).turn()
    assert [group.fingerprint for group in ledger.read().groups] == ["new"]
    with database.reading() as session:
        assert {each.fingerprint for each in session.scalars(select(LedgerCaller))} == {"new"}
        assert list(session.scalars(select(LedgerSample))) == []
        assert list(session.scalars(select(LedgerWriter))) == []


def test_counters_of_epochs_that_are_long_over_are_added_up(database: Database) -> None:
    """So that the ledger's sums stay a few rows, and say the same in all."""
    ledger, clock = SqlLedgerStore(database), Clock()
    days = (0, 1, 30, 100)
    epochs = tuple(Epoch(n + 1, AT + timedelta(days=at), True) for n, at in enumerate(days))
    counters = {FARMING._replace(epoch=each.number): 10 * each.number for each in epochs}
    ledger.add(batch(1, counters=counters, epochs=epochs))
    worker = retention(database, clock)
    for minute in range(4):
        clock.now = AT + timedelta(days=95, minutes=2 * minute)
        worker.turn()
    found = ledger.read()
    assert found.counters == {
        FARMING: 10,
        FARMING._replace(epoch=2): 20,
        FARMING._replace(epoch=3): 30,
        FARMING._replace(epoch=4): 40,
    }
    clock.now = AT + timedelta(days=200)
    for _ in range(3):
        worker.turn()
        clock.now += timedelta(minutes=2)
    found = ledger.read()
    assert found.counters == {FARMING: 60, FARMING._replace(epoch=4): 40}
    assert found.epochs == epochs[3:]


def test_one_worker_removes_a_few_rows_a_minute(database: Database) -> None:
    """Whoever comes first does it for all; a clock that was set back does not stop it."""
    replays, clock = SqlReplayStore(database), Clock()
    replays.add([record(n, mark=f"{n}") for n in range(10)])
    workers = [retention(database, clock, at_once=4) for _ in range(3)]
    for days, left in ((20, 6), (20, 6), (21, 2), (19, 0)):
        clock.now = AT + timedelta(days=days)
        for worker in workers:
            worker.turn()
        with database.reading() as session:
            assert len(list(session.scalars(select(ShadowReplay)))) == left


def test_a_full_disk_costs_nothing_that_was_kept(sqlite_url: str, tmp_path: Path) -> None:
    """Replays and ledger wait in memory, say why, and are written once there is room."""
    database = Database(sqlite_url, instance_path=tmp_path)

    def allow(pages: int) -> int:
        with database.transaction() as session:
            return int(session.scalar(text(f"PRAGMA max_page_count = {pages}")) or 0)

    def full(*_: object) -> bytes:
        return b"x" * LARGEST

    allow(allow(1))  # no less than what is in use
    replays, shelf = keeper(Clock(), write=full), SqlReplayStore(database)
    ledger = Ledger(utc_now=Clock())
    book = Bookkeeper(
        ledger=ledger,
        counters=dict,
        store=SqlLedgerStore(database),
        writer=lambda: "w",
        chores={"replays": lambda: replays.store(shelf)},
    )
    offer(replays, 3)
    for number in range(500):
        mark = Result(Comparison.TRUTH, Outcome.MISMATCHED, fingerprint=f"{number}")
        ledger.add_sample(mark, ledger.note(mark, callers=["c"]), "y" * 1000)
    book.turn()
    assert len(book.problems) == 2
    assert all("full" in problem for problem in book.problems)
    allow(1_000_000)
    book.turn()
    assert book.problems == ()
    assert len(shelf.find("f")) == 3
    assert len(SqlLedgerStore(database).read().groups) == 500
    database.dispose()


@pytest.mark.postgres
def test_on_postgresql_nobody_else_may_read_it(postgres: PostgresServer, tmp_path: Path) -> None:
    """What every role may do to every new table is taken back for this one."""
    database = Database(postgres.url(postgres.create_database()), instance_path=tmp_path)
    with database.transaction() as session:
        session.execute(text("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC"))
    database.upgrade()
    public = text(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC'"
        " AND table_schema = 'public'"
    )
    with database.reading() as session:
        tables = set(session.scalars(public))
    assert "ledger_groups" in tables
    assert "shadow_replays" not in tables
    database.dispose()
