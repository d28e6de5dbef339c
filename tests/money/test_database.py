"""The database: what a transaction promises, and what is said when it cannot be used."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import app.database
from app.accounts import open_accounts
from app.database import Database
from app.errors import DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable
from app.models import Balance, Base, User
from app.money import MAX_BALANCE, MILLIONTH
from tests.servers import PostgresServer

BOUNDED = "m0010"
"""The revision that bounds balances as they are now."""


def count_users(database: Database) -> int:
    """Return how many users a new reading sees."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(User))


def test_the_migrations_make_exactly_what_the_models_say(database: Database) -> None:
    """Comparing an upgraded database with the models finds no difference."""
    with database.reading() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_changes_nothing(database: Database) -> None:
    """An upgrade of an upgraded database keeps what is in it."""
    with database.transaction() as session:
        open_accounts(session, [7])
    database.upgrade()
    assert count_users(database) == 1


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that nobody has upgraded."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/app.db"
    postgres = request.getfixturevalue("postgres")
    return postgres.url(postgres.create_database())


def test_upgrades_at_the_same_moment_take_turns(empty_url: str, tmp_path: Path) -> None:
    """Several processes may start on an empty database at once."""
    code = (
        "import sys; from pathlib import Path; from app.database import Database; "
        "Database(sys.argv[1], instance_path=Path()).upgrade()"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, empty_url]) for _ in range(3)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0, 0]
    database = Database(empty_url, instance_path=tmp_path)
    database.check()
    database.dispose()


def test_an_exception_undoes_the_transaction(database: Database) -> None:
    """What was written before an exception is not there after it, and the exception goes on."""
    with pytest.raises(KeyError), database.transaction() as session:
        open_accounts(session, [7])
        raise KeyError
    assert count_users(database) == 0


def test_a_reading_sees_one_snapshot(database: Database) -> None:
    """What is committed while a reading goes on is not seen by it."""
    with database.reading() as reading:
        assert reading.scalar(select(func.count()).select_from(User)) == 0
        with database.transaction() as session:
            open_accounts(session, [7])
        assert reading.scalar(select(func.count()).select_from(User)) == 0
    assert count_users(database) == 1


@pytest.mark.parametrize(
    "write",
    [
        lambda session: open_accounts(session, [7]),
        lambda session: session.execute(text("DELETE FROM users")),
        lambda session: session.execute(text("CREATE TABLE mine (id INTEGER)")),
    ],
    ids=["insert", "delete", "create"],
)
def test_a_reading_cannot_write(database: Database, write: Callable[[Session], object]) -> None:
    """The connections of a reading refuse every write by name."""
    with pytest.raises(DatabaseReadOnly, match="read-only"), database.read_only().reading() as read:
        write(read)
    assert count_users(database) == 0


def test_the_tables_refuse_a_balance_out_of_bounds(database: Database) -> None:
    """A balance below zero or above the largest is refused even past the booking."""
    with database.transaction() as session:
        open_accounts(session, [7])
    for value in (-MILLIONTH, MAX_BALANCE + MILLIONTH):
        change = update(Balance).values(uni=value)
        with (
            pytest.raises(IntegrityError, match="ck_balances_uni_within_bounds"),
            database.transaction() as session,
        ):
            session.execute(change)


def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to an earlier revision."""
    config = Config()
    config.set_main_option(
        "script_location", str(Path(app.database.__file__).parent / "migrations")
    )
    with database.transaction() as session:
        config.attributes["connection"] = session.connection()
        command.downgrade(config, revision)


@pytest.mark.parametrize("column", ["uni", "ton"])
def test_an_upgrade_refuses_a_balance_that_is_too_great_from_then_on(
    empty_url: str, tmp_path: Path, column: str
) -> None:
    """It says whose it is and what to do, changes nothing, and goes on once that is done."""
    database = Database(empty_url, instance_path=tmp_path)
    database.upgrade()
    downgrade(database, f"{BOUNDED}-1")
    with database.transaction() as session:
        open_accounts(session, [7, 8])
        session.execute(
            update(Balance).where(Balance.user_id == 7).values({column: Decimal(9 * 10**9)})
        )
    with pytest.raises(DatabaseUnavailable, match=r"user 7 has more than 8589934592.*then start"):
        database.upgrade()
    with database.transaction() as session:
        session.execute(update(Balance).values({column: MAX_BALANCE}))
    database.upgrade()
    with database.reading() as session:
        assert session.scalars(select(getattr(Balance, column))).all() == [MAX_BALANCE] * 2
    database.dispose()


def test_sqlite_waits_for_writers_without_stopping_readers(tmp_path: Path) -> None:
    """SQLite is in WAL mode: while one transaction writes, another can be read."""
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    database.upgrade()
    with database.transaction() as session:
        open_accounts(session, [7])
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert count_users(database) == 0
    database.dispose()


def test_a_locked_database_is_named(database: Database) -> None:
    """A writer that holds what is needed is an error that says so, after the given time."""
    with database.transaction() as session:
        open_accounts(session, [7])
    row = select(Balance).where(Balance.user_id == 7).with_for_update()
    with database.transaction() as first:
        first.scalars(row).one()
        with (
            pytest.raises(DatabaseLocked, match=r"is locked .* try again"),
            database.transaction(wait_s=0.05) as second,
        ):
            second.scalars(row).one()


def test_the_check_names_a_locked_database(tmp_path: Path) -> None:
    """Another process that holds SQLite's one write lock is found by the check."""
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    database.upgrade()
    database.check()
    other = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked, match=r"app\.db is locked"):
        database.check(wait_s=0.01)
    other.execute("ROLLBACK")
    database.check()
    other.close()
    database.dispose()


def test_the_check_names_a_read_only_sqlite(tmp_path: Path) -> None:
    """A file that SQLite may read but not write is found by the check, and by a booking."""
    path = tmp_path / "app.db"
    maker = Database("sqlite:///app.db", instance_path=tmp_path)
    maker.upgrade()
    maker.dispose()
    content = bytearray(path.read_bytes())
    content[18] = 3  # a write version of the future: SQLite may only read, whoever asks
    path.write_bytes(content)
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    with pytest.raises(DatabaseReadOnly, match=r"read-only .* right to write"):
        database.check()
    with pytest.raises(DatabaseReadOnly), database.transaction() as session:
        open_accounts(session, [7])
    assert count_users(database) == 0
    database.dispose()


@pytest.mark.postgres
def test_the_check_names_a_read_only_postgresql(
    postgres: PostgresServer, migrated_template: str, tmp_path: Path
) -> None:
    """A PostgreSQL that allows only reading is found by the check."""
    name = postgres.create_database(template=migrated_template)
    postgres.execute(
        sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
            sql.Identifier(name)
        )
    )
    database = Database(postgres.url(name), instance_path=tmp_path)
    with pytest.raises(DatabaseReadOnly, match="right to write"):
        database.check()
    database.dispose()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "unable to open database file"),
        (b"", "no such table"),
        (b"<!doctype html>" * 100, "file is not a database"),
    ],
    ids=["missing", "empty", "html"],
)
def test_what_is_no_database_is_named(tmp_path: Path, content: bytes | None, cause: str) -> None:
    """A missing, empty or strange file is an error that says which file and what to check."""
    path = tmp_path / "app.db"
    if content is not None:
        path.write_bytes(content)
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    with pytest.raises(DatabaseUnavailable, match=rf"{path} cannot be used \({cause}.*check"):
        database.check()
    database.dispose()


def test_a_postgresql_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No server at the address is an error that names it, without the password."""
    url = f"postgresql://me:secret@/app?host={tmp_path}"
    database = Database(url, instance_path=tmp_path)
    with pytest.raises(DatabaseUnavailable, match="cannot be used") as caught:
        database.check()
    assert "secret" not in str(caught.value)
    database.dispose()


@pytest.mark.parametrize("url", ["", "app.db", "sqlite://", "sqlite:///:memory:", "mysql://a@b/c"])
def test_a_url_of_nothing_usable_is_refused(tmp_path: Path, url: str) -> None:
    """Only a SQLite file and PostgreSQL are taken, and the message shows how to write them."""
    with pytest.raises(DatabaseUnavailable, match="set DATABASE_URL to sqlite:///"):
        Database(url, instance_path=tmp_path)


def test_a_relative_path_is_within_the_instance_folder(tmp_path: Path) -> None:
    """A SQLite path without a leading slash is taken from the instance folder."""
    database = Database("sqlite:///deep/app.db", instance_path=tmp_path)
    database.upgrade()
    assert (tmp_path / "deep" / "app.db").exists()
    database.dispose()


def test_tables_are_made_from_a_checkout_whose_path_holds_a_per_cent_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As build servers name their folders after branches."""
    checkout = tmp_path / "job_feature%2Framp %(here)s"
    checkout.symlink_to(app.database._MIGRATIONS)
    monkeypatch.setattr(app.database, "_MIGRATIONS", checkout)
    database = Database("sqlite:///app.db", instance_path=tmp_path)
    database.upgrade()
    assert count_users(database) == 0
    database.dispose()
