"""The workers of all hosts in the shared database."""

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.adapters.shared_sql import SharedSql
from app.errors import DatabaseUnavailable
from app.models import KnownWorker
from flags.shared_workers import Aged, WorkerTableError, read_rows
from flags.workers import WorkerId, WorkerRecord


class SqlWorkerTable:
    """A `WorkerTable` in PostgreSQL; heartbeats are stamped and aged by its clock."""

    def __init__(self, sql: SharedSql) -> None:
        self._sql = sql

    @property
    def name(self) -> str:
        """What the table is."""
        return "the database"

    def put(self, record: WorkerRecord) -> None:
        """Replace the worker's row. Raises `WorkerTableError`."""
        values = {
            "record": msgspec.json.encode(record).decode(),
            "seen_at": func.clock_timestamp(),
        }
        row = insert(KnownWorker).values(host=record.host, pid=record.pid, **values)
        try:
            with self._sql.transaction() as connection:
                connection.execute(
                    row.on_conflict_do_update(index_elements=["host", "pid"], set_=values)
                )
        except DatabaseUnavailable as error:
            raise _unusable(error) from error

    def remove(self, worker: WorkerId) -> None:
        """Delete the worker's row. Raises `WorkerTableError`."""
        row = delete(KnownWorker).where(
            KnownWorker.host == worker.host, KnownWorker.pid == worker.pid
        )
        try:
            with self._sql.transaction() as connection:
                connection.execute(row)
        except DatabaseUnavailable as error:
            raise _unusable(error) from error

    def read(self) -> tuple[Aged, ...]:
        """Return every row. Raises `WorkerTableError`."""
        age = func.extract("epoch", func.clock_timestamp() - KnownWorker.seen_at)
        try:
            with self._sql.transaction() as connection:
                rows = connection.execute(select(KnownWorker.record, age)).all()
        except DatabaseUnavailable as error:
            raise _unusable(error) from error
        return read_rows(((text, float(age)) for text, age in rows), record_of)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._sql.close()


def record_of(text: str | bytes) -> WorkerRecord:
    """Read a record. Raises `WorkerTableError` for one of another version."""
    try:
        return msgspec.json.decode(text, type=WorkerRecord)
    except msgspec.DecodeError as error:
        raise WorkerTableError(
            f"a worker's record cannot be read ({error}): serve all hosts with the same version"
        ) from error


def _unusable(error: Exception) -> WorkerTableError:
    return WorkerTableError(f"the workers in the database cannot be read or written: {error}")
