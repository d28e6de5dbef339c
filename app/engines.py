"""Engines for SQLite and PostgreSQL: what must hold in every transaction.

An execution option `wait_s` on an engine bounds how long one of its transactions waits.

On PostgreSQL each transaction says itself how isolated it is, whether it may write and how long
it waits. Nothing of it is left to the session: a pooler that hands connections around by the
transaction loses what is set there, and a database may have other defaults.
"""

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError

from app.addresses import shown, shown_text
from app.errors import DatabaseUnavailable

WAIT_S = 5.0
"""How long a statement waits for a lock, and a caller for a free connection."""

PROMPT_S = 1.0
"""How long anything takes at most on a prompt engine, while the server answers at all."""

_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED"
_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN = "begin"
_STATEMENT_S = "statement_s"
"""Execution options of our engines: how a transaction begins, and how long a statement takes."""

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
        raise DatabaseUnavailable(f"{shown_text(text)!r} is not a database URL: {how}") from None
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:" and not url.query:
            return url.set(drivername="sqlite", database=str(instance_path / url.database))
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+psycopg")
    raise DatabaseUnavailable(f"{shown(url)} is not a database we can use: {how}")


def writing_engine(url: URL) -> Engine:
    """Return an engine whose transactions may write; a connection is opened on first use."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(
            url, mode="rw", pragma="PRAGMA journal_mode = WAL", begin="BEGIN IMMEDIATE"
        )
    return _postgresql_engine(url, begin=_WRITING, max_overflow=_WRITERS_BEYOND_POOL)


def reading_engine(url: URL) -> Engine:
    """Return an engine that cannot write; each of its transactions reads one snapshot.

    Its pool never makes a reader wait for another, for a read may have a deadline.
    """
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, mode="ro", pragma="PRAGMA query_only = ON", begin="BEGIN")
    return _postgresql_engine(url, begin=_READING, max_overflow=-1)


def prompt_engine(url: URL) -> Engine:
    """Return a small engine of its own for what must not wait behind bookings: PostgreSQL only.

    Statements end after a second, and so does a connection whose other end is gone. One that
    is held by a server that hangs is not ended: use it on a thread that may hang.
    """
    second = f"{round(PROMPT_S * 1000)}"
    return _postgresql_engine(
        url,
        begin=_WRITING,
        statement_s=PROMPT_S,
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


def begin_plain(connection: PoolProxiedConnection, engine: Engine, wait_s: float | None) -> None:
    """Begin a reading on a driver's connection, which waits so long at most; None: five seconds."""
    if engine.dialect.name == "sqlite":
        statement = _sqlite_limit(connection.info, WAIT_S if wait_s is None else wait_s)
    else:
        options = engine.get_execution_options()
        statement = _postgresql_begin(options if wait_s is None else {**options, "wait_s": wait_s})
    if statement is not None:
        connection.cursor().execute(statement)


def _sqlite_engine(url: URL, *, mode: str, pragma: str, begin: str) -> Engine:
    path = Path(str(url.database))
    address = f"file:{quote(str(path))}?mode="

    def connect() -> sqlite3.Connection:
        kept = _cannot_change(path)
        connection = sqlite3.connect(
            address + ("ro&immutable=1" if kept else mode),
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            timeout=WAIT_S,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA query_only = ON" if kept else pragma)
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


def _cannot_change(path: Path) -> bool:
    """Tell whether a file lies on a read-only disk, and all that was written is in it.

    SQLite cannot make the index of its log there, and would not open it at all. With a log beside
    it somebody still writes from elsewhere, or was ended; it is opened as ever then.
    """
    try:
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        return bool(read_only) and not path.with_name(f"{path.name}-wal").exists()
    except OSError:
        return False


def _postgresql_engine(
    url: URL,
    *,
    begin: str,
    max_overflow: int,
    statement_s: float | None = None,
    pool_size: int = _POOL_SIZE,
    pool_timeout: float = WAIT_S,
    connect_args: Mapping[str, Any] | None = None,
) -> Engine:
    always = {
        "connect_timeout": round(WAIT_S),
        # We begin transactions ourselves, with all that holds in them, in one trip.
        "autocommit": True,
        # A pooler may run a statement where it was not prepared.
        "prepare_threshold": None,
    }
    engine = create_engine(
        url,
        connect_args={**always, **(connect_args or {})},
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout,
        pool_pre_ping=True,
        execution_options={_BEGIN: begin, _STATEMENT_S: statement_s},
    )

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(_postgresql_begin(connection.get_execution_options()))

    def on_connect(connection: psycopg.Connection, _: object) -> None:
        try:
            _check_holds(connection, engine)
        except BaseException:
            connection.close()  # nobody else has it yet
            raise

    event.listen(engine, "begin", on_begin)
    event.listen(engine, "connect", on_connect)
    return engine


def _check_holds(connection: psycopg.Connection, engine: Engine) -> None:
    """Raise `DatabaseUnavailable` unless a transaction keeps what it was begun with."""
    begin = engine.get_execution_options()[_BEGIN]
    wanted = {
        "transaction_isolation": "read committed" if begin == _WRITING else "repeatable read",
        "lock_timeout": "1234ms",
        "statement_timeout": "4321ms",
    }
    if begin == _READING:
        wanted["transaction_read_only"] = "on"
    asked = ", ".join(f"current_setting('{name}')" for name in wanted)
    with connection.cursor() as cursor:
        cursor.execute(f"{begin}; {_set_local(lock_ms=1234, statement_ms=4321)}")
        try:
            row = cursor.execute(f"SELECT {asked}").fetchone() or ()
        finally:
            connection.rollback()
    lost = [
        f"{name} is {has}, not {want}"
        for (name, want), has in zip(wanted.items(), row, strict=True)
        if has != want
    ]
    if lost:
        raise DatabaseUnavailable(
            f"the database {shown(engine.url)} does not keep what a transaction is"
            f" begun with ({'; '.join(lost)}): have the pooler before it pool by session or by "
            "transaction, or set DATABASE_URL to the server itself"
        )


def _sqlite_limit(info: dict[Any, Any], wait_s: float) -> str | None:
    """Return the statement that bounds waiting on a connection, None if it is bounded so."""
    if info.get("wait_s", WAIT_S) == wait_s:
        return None
    info["wait_s"] = wait_s
    return f"PRAGMA busy_timeout = {round(wait_s * 1000)}"


def _postgresql_begin(options: Mapping[str, Any]) -> str:
    """Return what begins a transaction, and holds in it alone."""
    wait_s, statement_s = options.get("wait_s"), options[_STATEMENT_S]
    if wait_s is not None:
        millis = max(2, round(wait_s * 1000))
        # The lock gives up a little before the statement does, so that the error names it.
        limits = _set_local(lock_ms=millis * 4 // 5, statement_ms=millis)
    elif statement_s is not None:
        millis = round(statement_s * 1000)
        limits = _set_local(lock_ms=millis, statement_ms=millis)
    else:
        limits = _set_local(lock_ms=round(WAIT_S * 1000))
    return f"{options[_BEGIN]}; {limits}"


def _set_local(*, lock_ms: int, statement_ms: int | None = None) -> str:
    text = f"SET LOCAL TimeZone = 'UTC'; SET LOCAL lock_timeout = {lock_ms}"
    return text if statement_ms is None else f"{text}; SET LOCAL statement_timeout = {statement_ms}"
