"""The truth reader: what it says of users, versions and transactions, and when it cannot."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select

from app.adapters.bookings import SqlBookings
from app.adapters.truth import SqlTruthReader
from app.database import Database
from app.errors import DatabaseReadOnly
from app.models import MAX_USER_ID, Balance, Transaction
from app.money import Currency
from app.notifications.ports import TruthReader, TruthUnavailable
from app.plain_query import PlainQuery
from tests.money.bookings import account, book_now, credit, make_users


@pytest.fixture(params=[SqlTruthReader, SqlBookings])
def truth(database: Database, request: pytest.FixtureRequest) -> Iterator[TruthReader]:
    """Return either reader of the database in which user 7 has three versions and 8 has none.

    The canonical has its own, whoever judges it another: both must answer the same.
    """
    make_users(database, 7, 8)
    book_now(
        database,
        credit(7, "1.5", source="farming"),
        credit(7, "0.25", currency=Currency.TON, source="boost_income"),
        credit(7, "-0.5", source="withdrawal"),
    )
    return request.param(database.read_only())


def test_the_truth_is_the_balance_and_what_is_newer(truth: TruthReader) -> None:
    """Transactions come oldest first, with the balances after each, from the version asked for."""
    found = truth.read({7: 1})[7]
    assert (found.user_id, found.version, found.uni, found.ton) == (7, 3, 1, Decimal("0.25"))
    ton, debit = found.transactions
    assert (ton.version, ton.currency, ton.amount, ton.source) == (
        *(2, "TON", Decimal("0.25"), "boost_income"),
    )
    assert (ton.uni_after, ton.ton_after) == (Decimal("1.5"), Decimal("0.25"))
    assert (debit.version, debit.amount, debit.uni_after) == (3, Decimal("-0.5"), 1)
    assert debit.created_at.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(("since", "versions"), [(0, [1, 2, 3]), (2, [3]), (3, []), (9, [])])
def test_only_newer_transactions_are_read(
    truth: TruthReader, since: int, versions: list[int]
) -> None:
    """Nothing up to the version asked for is repeated."""
    assert [one.version for one in truth.read({7: since})[7].transactions] == versions


def test_without_a_version_only_the_balance_is_read(truth: TruthReader) -> None:
    """None asks for no transactions."""
    found = truth.read({7: None, 8: None})
    assert (found[7].version, found[7].transactions) == (3, ())
    assert (found[8].version, found[8].uni, found[8].transactions) == (0, 0, ())


def test_users_without_an_account_are_left_out(truth: TruthReader) -> None:
    """Who does not exist has no truth; the others have theirs."""
    assert set(truth.read({7: 0, 9: 0, MAX_USER_ID: None})) == {7}
    assert truth.read({}) == {}


def test_any_number_of_users_is_one_read(database: Database) -> None:
    """More users than a statement takes parameters are read all the same."""
    users = range(1, 201)
    make_users(database, *users)
    book_now(database, *[credit(user, user) for user in users])
    found = SqlTruthReader(database.read_only()).read(dict.fromkeys(range(1, 70_000), 0))
    assert {user: one.uni for user, one in found.items()} == {user: user for user in users}
    assert all(len(one.transactions) == 1 for one in found.values())


def test_versions_alone_are_read_of_any_number_of_users(database: Database) -> None:
    """Who does not exist has none; a list of no length is no error."""
    make_users(database, 7, 8)
    book_now(database, credit(7, 1), credit(7, 1), credit(7, 1))
    truth = SqlTruthReader(database.read_only())
    assert truth.versions([7, 8, 9, MAX_USER_ID]) == {7: 3, 8: 0}
    assert truth.versions(range(1, 70_000)) == {7: 3, 8: 0}
    assert truth.versions([]) == {}


def test_a_balance_is_placed_at_the_newest_version_that_had_it(
    database: Database, truth: TruthReader
) -> None:
    """Balances that came back are placed at their latest time; others nowhere."""
    assert truth.place(7, Decimal("1.5"), Decimal("0.25")) == 2
    book_now(database, credit(7, "0.5"))
    assert truth.place(7, Decimal("1.5"), Decimal("0.25")) == 4
    assert truth.place(7, Decimal("1.5"), Decimal(9)) is None
    assert truth.place(8, Decimal("1.5"), Decimal("0.25")) is None


def test_version_zero_is_an_account_with_nothing_booked(
    database: Database, truth: TruthReader
) -> None:
    """Two zeros are version 0 for who has an account, until they come back at a later one."""
    zero = Decimal(0)
    assert truth.place(7, zero, zero) == truth.place(8, zero, zero) == 0
    assert truth.place(9, zero, zero) is None
    book_now(database, credit(8, 1), credit(8, -1))
    assert truth.place(8, zero, zero) == 2


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "0.30000000000000004", "1e30"])
def test_what_is_no_amount_is_placed_nowhere(truth: TruthReader, figure: str) -> None:
    """A figure that no balance can have is an answer, not an error."""
    assert truth.place(7, Decimal(figure), Decimal(0)) is None


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    amounts=st.lists(
        st.tuples(st.sampled_from(Currency), st.decimals("0.000001", "99", places=6)), max_size=6
    ),
    since=st.integers(0, 12),
)
def test_what_is_newer_leads_from_the_older_balance_to_the_present_one(
    database: Database, amounts: list[tuple[Currency, Decimal]], since: int
) -> None:
    """The balance at any version plus the transactions after it is the balance now."""
    make_users(database, 7)
    reader = SqlTruthReader(database.read_only())
    start = account(database, 7).version
    for currency, amount in amounts:
        book_now(database, credit(7, amount, currency=currency))
    whole = reader.read({7: 0})[7].transactions
    since = min(since, len(whole))
    found = reader.read({7: since})[7]
    assert found.version == start + len(amounts) == len(whole)
    assert found.transactions == whole[since:]
    uni, ton = (whole[since - 1].uni_after, whole[since - 1].ton_after) if since else (0, 0)
    for one in found.transactions:
        uni += one.amount if one.currency == Currency.UNI else 0
        ton += one.amount if one.currency == Currency.TON else 0
        assert (uni, ton) == (one.uni_after, one.ton_after)
    assert (uni, ton) == (found.uni, found.ton)


def test_a_plain_read_gives_what_sqlalchemy_does(database: Database, truth: TruthReader) -> None:
    """Read by the driver itself, each value has the type and the value that a model has."""
    columns = list(Transaction.__table__.columns)
    statement = (
        select(*columns).where(Transaction.user_id == bindparam("user")).order_by(Transaction.id)
    )
    reading = database.read_only()
    plain = PlainQuery(statement, reading.dialect)
    rows = [list(row) for row in reading.rows(statement, user=7)]
    for _ in range(2):
        found = reading.plain_rows(plain, user=7)
        assert found == rows
        assert [list(map(type, row)) for row in found] == [list(map(type, row)) for row in rows]
    assert len(rows) == 3


def test_a_plain_read_cannot_write_and_leaves_no_broken_connection(database: Database) -> None:
    """A read that fails is named, and the next one is made on a connection that works."""
    make_users(database, 7)
    reading = database.read_only()
    reader = SqlTruthReader(reading)
    deleting = PlainQuery(select(Balance.user_id), reading.dialect)
    deleting._text = "DELETE FROM balances"
    for _ in range(3):
        with pytest.raises(DatabaseReadOnly):
            reading.plain_rows(deleting)
        assert reader.read({7: 0})[7].version == 0


def test_a_reader_holds_no_way_to_write(truth: TruthReader) -> None:
    """Nothing that a reader refers to has a transaction."""
    assert not hasattr(vars(truth)["_database"], "transaction")


def test_a_database_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No database is an error that says what could not be read and why."""
    reader = SqlTruthReader(Database("sqlite:///none.db", instance_path=tmp_path).read_only())
    with pytest.raises(TruthUnavailable, match=r"balances could not be read: .*none\.db"):
        reader.read({7: 0})
    with pytest.raises(TruthUnavailable, match=r"versions of user 7 could not be read: .*none"):
        reader.place(7, Decimal(1), Decimal(1))


def test_a_read_gives_up_after_its_timeout(tmp_path: Path) -> None:
    """A database that somebody holds for themselves alone is given up in time."""
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    database.upgrade()
    database.dispose()
    owner = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    owner.execute("PRAGMA locking_mode = EXCLUSIVE")
    owner.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TruthUnavailable, match="is locked"):
        SqlTruthReader(database.read_only()).read({7: 0}, timeout=0.01)
    owner.close()
    database.dispose()


@pytest.mark.postgres
def test_a_read_of_postgresql_gives_up_after_its_timeout(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A table that somebody holds for themselves alone is given up in time."""
    postgres = request.getfixturevalue("postgres")
    name = postgres.create_database(template=request.getfixturevalue("migrated_template"))
    database = Database(postgres.url(name), instance_path=tmp_path)
    with database.transaction() as session:
        session.connection().exec_driver_sql("LOCK TABLE balances")
        with pytest.raises(TruthUnavailable, match="is locked"):
            SqlTruthReader(database.read_only()).read({7: 0}, timeout=0.05)
    database.dispose()
