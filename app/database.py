"""The one database: transactions that write, readings that cannot, upgrades and a check."""

import errno
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import (
    URL,
    CompoundSelect,
    Connection,
    Dialect,
    Engine,
    Row,
    Select,
    false,
    func,
    select,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from app.addresses import shown
from app.database_errors import DRIVER_ERRORS, STATEMENT_ERRORS, named_error
from app.engines import begin_plain, parse_url, reading_engine, writing_engine
from app.errors import DatabaseConflict, DatabaseReadOnly, DatabaseUnavailable
from app.in_time import InTime, LateError
from app.models import Balance
from app.plain_query import Plain
from flags.files import Readers, open_written

_MIGRATIONS = Path(__file__).parent / "migrations"
_GRACE_S = 0.4
"""Seconds that a check has beyond those that it waits for a lock, before the server hangs."""
ATTEMPTS = 5
"""How often a transaction is begun at most that meets others each time."""
_PAUSE_S = 0.05
_UPGRADE_LOCK = 7_266_273
"""An advisory lock of PostgreSQL: any number, as long as nothing else takes it."""

Result = TypeVar("Result")

_log = structlog.get_logger(__name__)


class ReadOnlyDatabase:
    """A database on connections that cannot write. May be used from any thread."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = reading_engine(url)

    @contextmanager
    def reading(self, *, wait_s: float | None = None) -> Iterator[Session]:
        """Yield a session that sees one snapshot; wait at most `wait_s` seconds, default 5.

        Raises `DatabaseUnavailable`.
        """
        with _session(self._engine, self._url, wait_s=wait_s) as session:
            yield session

    @property
    def dialect(self) -> Dialect:
        """The kind of the database, and what its driver takes."""
        return self._engine.dialect

    def plain_rows(
        self, query: Plain, *, wait_s: float | None = None, **parameters: object
    ) -> list[Sequence[Any]]:
        """Return what one statement selects, which sees one snapshot: far cheaper than `rows`.

        Waits at most `wait_s` seconds, default 5. Raises `DatabaseUnavailable`.
        """
        with _named_errors(self._url):
            connection = self._engine.raw_connection()
            try:
                begin_plain(connection, self._engine, wait_s)
                return query.rows(connection, parameters)
            except BaseException:
                connection.invalidate()  # whatever it was, nobody knows what it is in the middle of
                raise
            finally:
                connection.close()

    @contextmanager
    def snapshot(self, *, wait_s: float | None = None) -> Iterator[Connection]:
        """Yield a plain connection that sees one snapshot: cheaper than `reading`, without models.

        Raises `DatabaseUnavailable`.
        """
        with _named_errors(self._url), self._engine.connect() as connection:
            if wait_s is not None:
                # Not on the engine: a copy of that, made for one read, costs more than the read.
                connection.execution_options(wait_s=wait_s)
            with connection.begin():
                yield connection

    def rows(
        self, statement: Select[Any] | CompoundSelect[Any], **parameters: object
    ) -> Sequence[Row[Any]]:
        """Return what one statement selects, without models. Raises `DatabaseUnavailable`."""
        with _named_errors(self._url), self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()

    def dispose(self) -> None:
        """Close the connections that are not in use; later uses open new ones."""
        self._engine.dispose()


class Database:
    """SQLite or PostgreSQL behind one URL. May be used from any thread.

    Connections are opened on first use, thus after a fork. A relative SQLite path is taken
    from `instance_path`. Raises `DatabaseUnavailable` for a URL of anything else.
    """

    def __init__(self, url: str, *, instance_path: Path) -> None:
        self._url = parse_url(url, instance_path=instance_path)
        self._engine = writing_engine(self._url)
        self._read_only = ReadOnlyDatabase(self._url)
        self._checks = InTime("database-check")
        self.conflicts = 0
        """How many transactions of this process the database undid for another one's sake."""

    @contextmanager
    def transaction(self, *, wait_s: float | None = None) -> Iterator[Session]:
        """Yield a session that may write; commit at the end, roll back on any exception.

        On SQLite one such transaction runs at a time. Waits at most `wait_s` seconds, default
        5, for a lock. Raises `DatabaseUnavailable`, `DatabaseLocked` or `DatabaseReadOnly`.
        """
        try:
            with _session(self._engine, self._url, wait_s=wait_s) as session:
                yield session
        except DatabaseConflict:
            self.conflicts += 1
            raise

    def reading(self, *, wait_s: float | None = None) -> AbstractContextManager[Session]:
        """Return `read_only().reading(...)`."""
        return self._read_only.reading(wait_s=wait_s)

    def read_only(self) -> ReadOnlyDatabase:
        """Return the part of this database that holds no way to write."""
        return self._read_only

    def upgrade(self) -> None:
        """Make or bring up to date all tables; processes that do so at once take turns.

        Raises `DatabaseUnavailable`.
        """
        # Not at the top: commands typed in a hurry need none of it, and would wait for it.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        if self._url.get_backend_name() == "sqlite":
            self._make_file()
        config = Config()
        # A per cent sign in the path is doubled: Alembic reads it as a file of settings has it.
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.transaction() as session:
            connection = session.connection()
            if connection.dialect.name == "postgresql":
                session.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise DatabaseUnavailable(
                    f"the database {shown(self._url)} has tables of another version "
                    f"({error}): start the version that made them, or name another database"
                ) from error

    def _make_file(self) -> None:
        path = Path(str(self._url.database))
        try:
            # User ids are in it; its log and index get the same owner and mode.
            os.close(open_written(path, os.O_RDWR, readers=Readers.WRITERS))
        except OSError as error:
            only_read = error.errno == errno.EROFS and path.exists()
            kind = DatabaseReadOnly if only_read else DatabaseUnavailable
            raise kind(
                f"the database {shown(self._url)} cannot be used ({error}): let this "
                "process write that file, or name another one in DATABASE_URL"
            ) from error

    def check(self, *, wait_s: float = 0.8) -> None:
        """Raise `DatabaseUnavailable`, `DatabaseLocked` or `DatabaseReadOnly` if it is so.

        Does what a booking does, on no row: only a write finds out that it may not. Returns in
        time from a server that hangs, too.
        """
        most = wait_s + _GRACE_S
        try:
            self._checks.call(lambda: self._write_nothing(wait_s), wait_s=most)
        except LateError as error:
            raise DatabaseUnavailable(
                f"the database {shown(self._url)} has not answered within {most:g} s:"
                " see whether it hangs or cannot be reached, and whether its machine is overloaded"
            ) from error

    def _write_nothing(self, wait_s: float) -> None:
        nothing = update(Balance).where(false()).values(version=Balance.version)
        with self.transaction(wait_s=wait_s) as session:
            session.execute(nothing, execution_options={"synchronize_session": False})

    def dispose(self) -> None:
        """Close the connections that are not in use; later uses open new ones."""
        self._read_only.dispose()
        self._engine.dispose()  # last, for only one that can write clears SQLite's log away


class Transactions(Protocol):
    """Whatever begins transactions that may write."""

    def transaction(self) -> AbstractContextManager[Session]:
        """Yield a session; commit at the end, roll back on any exception."""


def write(
    database: Transactions,
    work: Callable[[Session], Result],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Return what `work` returns, once the transaction in which it ran is committed.

    One that the database undid for another one's sake, as in a deadlock, is run again, with
    `work`, up to `ATTEMPTS` times in all. It waits a little before, so that the other one comes
    to its end. Raises what `work` raises, and `DatabaseUnavailable`.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            with database.transaction() as session:
                return work(session)
        except DatabaseConflict as error:
            _log.warning("transaction_repeated", attempt=attempt, error=str(error))
            sleep(random.uniform(_PAUSE_S / 2, _PAUSE_S) * attempt)  # noqa: S311 - no secret
    with database.transaction() as session:
        return work(session)


@contextmanager
def _session(engine: Engine, url: URL, *, wait_s: float | None) -> Iterator[Session]:
    chosen = _waiting(engine, wait_s)
    with (
        _named_errors(url),
        Session(chosen, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def _waiting(engine: Engine, wait_s: float | None) -> Engine:
    return engine if wait_s is None else engine.execution_options(wait_s=wait_s)


@contextmanager
def _named_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError, *STATEMENT_ERRORS):
        raise  # the statement's fault, not the database's
    except (DBAPIError, PoolTimeoutError, *DRIVER_ERRORS) as error:
        raise named_error(error, url) from error
