"""The latch in the shared database: it reaches every host, as fast as each looks."""

import threading
import time

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.adapters.shared_sql import SharedSql
from app.errors import DatabaseUnavailable
from app.models import KeptLatch
from flags.latch import Latch, LatchStoreError, Placed, latch_from_text, latch_to_text

NAME = "kill switch"
HOLDS = KeptLatch.name == NAME


class SqlLatchStore:
    """A `FarStore` in PostgreSQL: one row, which the higher of two writers keeps."""

    def __init__(self, sql: SharedSql) -> None:
        self._sql = sql

    @property
    def name(self) -> str:
        """What the store is."""
        return "the database"

    def read(self) -> Latch | None:
        """Return the latch, None when nothing was ever put. Raises `LatchStoreError`."""
        try:
            with self._sql.transaction() as connection:
                text = connection.scalar(select(KeptLatch.text).where(HOLDS))
        except DatabaseUnavailable as error:
            raise LatchStoreError(f"the kill switch cannot be read: {error}") from error
        return None if text is None else _latch(text)

    def put(self, latch: Latch) -> Placed:
        """Keep `latch` unless the row outranks it; one that cannot be read is replaced.

        Raises `LatchStoreError`.
        """
        values = {"epoch": latch.epoch, "engaged": latch.engaged, "text": latch_to_text(latch)}
        new = insert(KeptLatch).values(name=NAME, **values)
        higher = tuple_(new.excluded.epoch, new.excluded.engaged) > tuple_(
            KeptLatch.epoch, KeptLatch.engaged
        )
        kept = new.on_conflict_do_update(index_elements=["name"], set_=values, where=higher)
        at = time.time()
        try:
            with self._sql.transaction() as connection:
                connection.execute(kept)
                text = connection.scalar(select(KeptLatch.text).where(HOLDS))
        except DatabaseUnavailable as error:
            raise LatchStoreError(f"the kill switch cannot be written: {error}") from error
        return Placed(latch if text is None else _latch(text), at)

    def wait(self, stopping: threading.Event, *, seconds: float) -> None:
        """Let the time pass: the database announces nothing."""
        stopping.wait(seconds)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._sql.close()


def _latch(text: str) -> Latch:
    """Read the row's text. Raises `LatchStoreError`."""
    try:
        return latch_from_text(text)
    except ValueError as error:
        raise LatchStoreError(
            f"the kill switch in the database's table latch cannot be read: {error}; write"
            " it anew with `flask rollout rollback`, or with `flask rollout resume`"
        ) from error
