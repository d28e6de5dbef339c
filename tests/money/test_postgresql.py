"""PostgreSQL as it is set up elsewhere: other defaults, poolers, transactions that meet."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest
from psycopg import sql
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from app.adapters.lease_sql import SqlLease
from app.adapters.shared_sql import SharedSql
from app.core.balance_manager import BalanceManager
from app.database import ATTEMPTS, Database, write
from app.errors import DatabaseConflict, DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable
from app.models import Balance
from tests.money.bookings import account, assert_books_balance, credit, make_users
from tests.money.pooler import Pooler, Pooling
from tests.servers import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def set_default(postgres: PostgresServer, migrated_template: str) -> Callable[[str, str], str]:
    """Return what makes a database with another default, and returns its URL."""

    def make(setting: str, value: str) -> str:
        name = postgres.create_database(template=migrated_template)
        change = sql.SQL("ALTER DATABASE {} SET {} TO {}")
        postgres.execute(
            change.format(sql.Identifier(name), sql.Identifier(setting), sql.Literal(value))
        )
        return postgres.url(name)

    return make


@pytest.fixture
def pooled(postgresql_url: str) -> Iterator[Pooler]:
    """Yield a pooler by transaction before an empty database."""
    pooler = Pooler(postgresql_url, Pooling.TRANSACTION)
    yield pooler
    pooler.stop()


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_bookings_wait_for_each_other_whatever_isolation_is_the_default(
    set_default: Callable[[str, str], str], tmp_path: Path, isolation: str
) -> None:
    """Threads that book for one user are all booked: none is told that it met another."""
    url = set_default("default_transaction_isolation", isolation)
    database = Database(url, instance_path=tmp_path)
    make_users(database, 7)
    manager = BalanceManager(database, monotonic=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: manager.change_balance(credit(7, 1)), range(80)))
    assert account(database, 7).uni == 80
    assert_books_balance(database, 7)
    assert database.conflicts == 0
    with database.reading() as session:
        assert session.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    database.dispose()


def test_a_lease_is_taken_whatever_isolation_is_the_default(
    set_default: Callable[[str, str], str], tmp_path: Path
) -> None:
    """Of processes that ask at once one gets it, and the others an answer."""
    url = set_default("default_transaction_isolation", "serializable")
    stores = [SharedSql(url, instance_path=tmp_path) for _ in range(8)]
    leases = [SqlLease(sql, name="one", host=f"host-{n}") for n, sql in enumerate(stores)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            assert sum(pool.map(lambda lease: lease.acquire(), leases)) == 1
    for store in stores:
        store.close()


def lock_in_turn(database: Database, barrier: Barrier, users: tuple[int, int]) -> None:
    """Lock two rows, the second once another one has locked its first."""
    first = True

    def work(session: Session) -> None:
        nonlocal first
        one, other = users
        grow = update(Balance).values(version=Balance.version + 1)
        session.execute(grow.where(Balance.user_id == one))
        if first:
            first = False
            barrier.wait(60)
        session.execute(grow.where(Balance.user_id == other))

    write(database, work)


def test_of_two_transactions_in_a_deadlock_both_are_made(
    postgresql_url: str, tmp_path: Path
) -> None:
    """The one that PostgreSQL undoes is run again, which is logged and counted."""
    database = Database(postgresql_url, instance_path=tmp_path)
    make_users(database, 7, 8)
    barrier = Barrier(2)
    with capture_logs() as lines, ThreadPoolExecutor(2) as pool:
        turns = [(7, 8), (8, 7)]
        list(pool.map(lambda users: lock_in_turn(database, barrier, users), turns))
    with database.reading() as session:
        assert session.scalars(select(Balance.version)).all() == [2, 2]
    database.dispose()
    assert database.conflicts == len(lines) >= 1
    assert {line["event"] for line in lines} == {"transaction_repeated"}
    assert all("deadlock" in line["error"] for line in lines)


class AlwaysMeets:
    """A database whose transactions are all undone."""

    def __init__(self) -> None:
        self.begun = 0

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        self.begun += 1
        yield Session()
        raise DatabaseConflict("it met another one: try again")


def test_a_transaction_that_always_meets_others_fails_in_the_end() -> None:
    """It is tried five times, each failure but the last is logged, and the last is raised."""
    database = AlwaysMeets()
    slept: list[float] = []
    with capture_logs() as lines, pytest.raises(DatabaseConflict, match="try again"):
        write(database, lambda _: None, sleep=slept.append)
    assert database.begun == ATTEMPTS == 5
    assert len(slept) == 4
    assert 0 < min(slept) <= max(slept) <= 0.2
    assert [line["attempt"] for line in lines] == [1, 2, 3, 4]


def test_what_meets_another_transaction_is_named(postgresql_url: str, tmp_path: Path) -> None:
    """The error of PostgreSQL says that the same again may succeed."""
    database = Database(postgresql_url, instance_path=tmp_path)
    with (
        pytest.raises(DatabaseConflict, match=r"met another one \(could not serialize.*try again"),
        database.transaction() as session,
    ):
        session.execute(
            text("DO $$ BEGIN RAISE SQLSTATE '40001' USING MESSAGE='could not serialize'; END $$")
        )
    assert database.conflicts == 1
    database.dispose()


def test_behind_a_pooler_readings_cannot_write_and_waits_are_bounded(
    pooled: Pooler, tmp_path: Path
) -> None:
    """What makes a connection read-only and bounded outlives the session that is taken away."""
    database = Database(pooled.url, instance_path=tmp_path)
    make_users(database, 7)
    manager = BalanceManager(database, monotonic=lambda: 0.0)
    for number in range(1, 13):  # psycopg would prepare a statement at its sixth use
        assert manager.change_balance(credit(7, 1)).version == number
        with database.reading() as session:
            assert session.scalar(select(Balance.uni)) == number
        with pytest.raises(DatabaseReadOnly), database.reading() as session:
            session.execute(update(Balance).values(version=0))
    assert pooled.wiped > 36
    with database.transaction() as first:
        first.execute(update(Balance).values(version=Balance.version))
        with (
            pytest.raises(DatabaseLocked, match="is locked"),
            database.transaction(wait_s=0.05) as second,
        ):
            second.execute(update(Balance).values(version=Balance.version))
    assert account(database, 7).uni == Decimal(12)
    database.dispose()


def test_behind_a_pooler_by_statement_the_database_is_refused(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Where a transaction does not keep what it began with, the first use says so."""
    pooler = Pooler(postgresql_url, Pooling.STATEMENT)
    database = Database(pooler.url, instance_path=tmp_path)
    refusal = r"does not keep .*transaction_isolation is read committed, not repeatable.*pool by"
    with pytest.raises(DatabaseUnavailable, match=refusal), database.reading() as session:
        session.execute(select(1))
    with pytest.raises(DatabaseUnavailable, match=r"lock_timeout is 0, not.*pool by"):
        database.check(wait_s=5)
    shared = SharedSql(pooler.url, instance_path=tmp_path)
    with pytest.raises(DatabaseUnavailable, match="pool by"), shared.transaction():
        pass
    database.dispose()
    pooler.stop()
