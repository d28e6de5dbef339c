"""What the errors of SQLite, psycopg and SQLAlchemy mean, in words that say what to do."""

import sqlite3

import psycopg
import psycopg.errors
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from app.addresses import shown, without_secrets
from app.errors import DatabaseConflict, DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable

DRIVER_ERRORS = (sqlite3.Error, psycopg.Error)
"""What a driver raises that is asked without SQLAlchemy in between."""
STATEMENT_ERRORS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    psycopg.DataError,
    psycopg.IntegrityError,
)
"""Those among them that are the statement's fault."""
_CONFLICTS = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


def named_error(error: Exception, url: URL) -> DatabaseUnavailable:
    """Return what the error of a driver or of a pool means."""
    where = f"the database {shown(url)}"
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = without_secrets(_first_line(cause), url)
    sqlite_name = getattr(cause, "sqlite_errorname", "")
    if sqlite_name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or isinstance(
        cause, psycopg.errors.LockNotAvailable
    ):
        return DatabaseLocked(
            f"{where} is locked ({said}): another process is writing to it; "
            "let it finish, or end it, and try again"
        )
    if isinstance(cause, _CONFLICTS):
        return DatabaseConflict(
            f"{where} undid a transaction that met another one ({said}): try again"
        )
    if sqlite_name.startswith("SQLITE_READONLY") or isinstance(
        cause, psycopg.errors.ReadOnlySqlTransaction
    ):
        return DatabaseReadOnly(
            f"{where} is read-only ({said}): give this process the right to write "
            "to it and to its folder, or set DATABASE_URL to one that it may write to"
        )
    return DatabaseUnavailable(f"{where} cannot be used ({said}): {_advice(error)}")


def _advice(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlite_errorname", "") == "SQLITE_NOTADB":
        return (
            "check what the file is, and restore it from a backup or move it away: an empty one is "
            "made at the next start"
        )
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        return (
            "check that the server runs and can be reached, and that DATABASE_URL has its host, "
            "port, database, user and password right"
        )
    return "check that it is there, that DATABASE_URL names it, and that its tables were made"


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
