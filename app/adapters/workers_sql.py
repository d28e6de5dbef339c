"""The workers of all hosts in the shared database."""

from collections.abc import Callable

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.adapters.shared_sql import SharedSql
from app.adapters.store_seal import StoreSeal
from app.errors import DatabaseUnavailable
from app.models import KnownWorker
from app.notifications.seal import BrokenSealError
from flags.shared_workers import Aged, WorkerTableError, read_rows
from flags.workers import WorkerId, WorkerRecord


class SqlWorkerTable:
    """A `WorkerTable` in PostgreSQL; heartbeats are stamped and aged by its clock.

    Records are signed with a key derived from `secret`: a forged one would confirm what no
    worker has applied.
    """

    def __init__(self, sql: SharedSql, *, secret: Callable[[], bytes]) -> None:
        self._sql = sql
        self._seal = StoreSeal(secret, purpose="the workers in the database")

    @property
    def name(self) -> str:
        """What the table is."""
        return "the database"

    def put(self, record: WorkerRecord) -> None:
        """Replace the worker's row. Raises `WorkerTableError`."""
        try:
            sealed = self._seal.close(msgspec.json.encode(record)).decode()
        except BrokenSealError as error:
            raise _unusable(error) from error
        values = {"record": sealed, "seen_at": func.clock_timestamp()}
        row = insert(KnownWorker).values(host=_host(record.id), pid=record.pid, **values)
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
            KnownWorker.host == _host(worker), KnownWorker.pid == worker.pid
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
        return read_rows(((text, float(age)) for text, age in rows), self._record)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._sql.close()

    def _record(self, sealed: str) -> WorkerRecord:
        """Return what a signed row says. Raises `WorkerTableError`."""
        try:
            return record_of(self._seal.open(sealed.encode()))
        except BrokenSealError as error:
            raise WorkerTableError(
                f"a worker's record in the database, in {KnownWorker.__tablename__}, is none of"
                f" ours: {error}"
            ) from error


def _host(worker: WorkerId) -> str:
    """Return what a row has for its host: two namespaces of one host may have the same pid."""
    return f"{worker.host} {worker.namespace}".rstrip()


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
