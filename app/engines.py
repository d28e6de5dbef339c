"""Engines for SQLite and PostgreSQL: what must be set on every connection, and what errors mean.

An execution option `wait_s` on an engine bounds how long one of its transactions waits.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import psycopg.errors
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError

from app.errors import DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable

WAIT_S = 5.0
"""How long a statement waits for a lock, and a caller for a free connection."""

PROMPT_S = 1.0
"""How long anything takes at most on a prompt engine, while the server answers at all."""

DRIVER_ERRORS = (sqlite3.Error, psycopg.Error)
"""What a driver raises that is asked without SQLAlchemy in between."""
STATEMENT_ERRORS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    psycopg.DataError,
    psycopg.IntegrityError,
)
"""Those among them that are the statement's fault."""

_POOL_SIZE = 5
_WRITERS_BEYOND_POOL = 10


def parse_url(text: str, *, instance_path: Path) -> URL:
    """Return the database's URL, a relative SQLite path made absolute under `instance_path`.

    Raises `DatabaseUnavailable` for anything but a SQLite file or PostgreSQL.
    """
    how = "set DATABASE_URL to sqlite:///path/to/file.db or postgresql://user@host/name"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        credentials, at, rest = text.rpartition("@")
        shown = ("***" if credentials else "") + at + rest[:60]
        raise DatabaseUnavailable(f"{shown!r} is not a database URL: {how}") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:" and not url.query:
            return url.set(drivername="sqlite", database=str(instance_path / url.database))
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
    raise DatabaseUnavailable(f"{url.render_as_string()} is not a database we can use: {how}")


def writing_engine(url: URL) -> Engine:
    """Return an engine whose transactions may write; a connection is opened on first use."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(
            url, mode="rw", pragma="PRAGMA journal_mode = WAL", begin="BEGIN IMMEDIATE"
        )
    return _postgresql_engine(url, settings={}, max_overflow=_WRITERS_BEYOND_POOL)


def reading_engine(url: URL) -> Engine:
    """Return an engine that cannot write; each of its transactions reads one snapshot.

    Its pool never makes a reader wait for another, for a read may have a deadline.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, mode="ro", pragma="PRAGMA query_only = ON", begin="BEGIN")
    settings = {
        "default_transaction_read_only": "on",
        "default_transaction_isolation": r"repeatable\ read",
    }
    return _postgresql_engine(url, settings=settings, max_overflow=-1)


def prompt_engine(url: URL) -> Engine:
    """Return a small engine of its own for what must not wait behind bookings: PostgreSQL only.

    Statements end after a second, and so does a connection whose other end is gone. One that
    is held by a server that hangs is not ended: use it on a thread that may hang.
    """
    second = f"{round(PROMPT_S * 1000)}"
    return _postgresql_engine(
        url,
        settings={"lock_timeout": second, "statement_timeout": second},
        max_overflow=4,
        pool_size=1,
        pool_timeout=PROMPT_S,
        connect_args={
            "connect_timeout": 2,  # the least that libpq takes
            "tcp_user_timeout": second,
            "keepalives_idle": 1,
            "keepalives_interval": 1,
            "keepalives_count": 2,
        },
    )


def limit_waiting(connection: PoolProxiedConnection, engine: Engine, wait_s: float | None) -> None:
    """Bound how long the next read on a driver's connection waits; None: five seconds."""
    if engine.dialect.name != "sqlite":
        statement = None if wait_s is None else _postgresql_limits(wait_s)
    else:
        statement = _sqlite_limit(connection.info, WAIT_S if wait_s is None else wait_s)
    if statement is not None:
        connection.cursor().execute(statement)


def named_error(error: Exception, url: URL) -> DatabaseUnavailable:
    """Return what the error of a driver or of a pool means, in words that say what to do."""
    where = f"the database {url.render_as_string()}"
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlite_name = getattr(cause, "sqlite_errorname", "")
    if sqlite_name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or isinstance(
        cause, psycopg.errors.LockNotAvailable
    ):
        return DatabaseLocked(
            f"{where} is locked ({_first_line(cause)}): another process is writing to it; "
            "let it finish, or end it, and try again"
        )
    if sqlite_name.startswith("SQLITE_READONLY") or isinstance(
        cause, psycopg.errors.ReadOnlySqlTransaction
    ):
        return DatabaseReadOnly(
            f"{where} is read-only ({_first_line(cause)}): give this process the right to write "
            "to it and to its folder, or set DATABASE_URL to one that it may write to"
        )
    return DatabaseUnavailable(
        f"{where} cannot be used ({_first_line(cause)}): check that it is there, that "
        "DATABASE_URL names it, and that its tables were made"
    )


def _sqlite_engine(url: URL, *, mode: str, pragma: str, begin: str) -> Engine:
    address = f"file:{quote(str(url.database))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, check_same_thread=False, isolation_level=None, timeout=WAIT_S
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(pragma)
        return connection

    engine = create_engine(url, creator=connect, pool_size=_POOL_SIZE, max_overflow=-1)

    def on_begin(connection: Connection) -> None:
        wait_s = connection.get_execution_options().get("wait_s", WAIT_S)
        limit = _sqlite_limit(connection.info, wait_s)
        if limit is not None:
            connection.exec_driver_sql(limit)
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", on_begin)
    return engine


def _postgresql_engine(
    url: URL,
    *,
    settings: dict[str, str],
    max_overflow: int,
    pool_size: int = _POOL_SIZE,
    pool_timeout: float = WAIT_S,
    connect_args: Mapping[str, Any] | None = None,
) -> Engine:
    always = {"timezone": "UTC", "lock_timeout": f"{round(WAIT_S * 1000)}"}
    options = " ".join(f"-c {name}={value}" for name, value in {**always, **settings}.items())
    engine = create_engine(
        url,
        connect_args={"connect_timeout": round(WAIT_S), **(connect_args or {}), "options": options},
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout,
        pool_pre_ping=True,
    )

    def on_begin(connection: Connection) -> None:
        wait_s = connection.get_execution_options().get("wait_s")
        if wait_s is not None:
            connection.exec_driver_sql(_postgresql_limits(wait_s))

    event.listen(engine, "begin", on_begin)
    return engine


def _sqlite_limit(info: dict[Any, Any], wait_s: float) -> str | None:
    """Return the statement that bounds waiting on a connection, None if it is bounded so."""
    if info.get("wait_s", WAIT_S) == wait_s:
        return None
    info["wait_s"] = wait_s
    return f"PRAGMA busy_timeout = {round(wait_s * 1000)}"


def _postgresql_limits(wait_s: float) -> str:
    # The lock gives up a little before the statement does, so that the error names it.
    millis = max(2, round(wait_s * 1000))
    return f"SET LOCAL lock_timeout = {millis * 4 // 5}; SET LOCAL statement_timeout = {millis}"


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
