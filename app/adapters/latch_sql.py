"""The latch in the shared database: it reaches every host, as fast as each looks."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from app.adapters.shared_sql import SharedSql
from app.adapters.store_seal import StoreSeal
from app.errors import DatabaseUnavailable
from app.models import KeptLatch
from app.notifications.seal import BrokenSealError
from flags.latch import Latch, LatchStoreError, Placed, latch_from_text, latch_to_text

NAME = "kill switch"
HOLDS = KeptLatch.name == NAME
PUTS = 100
"""How often a put begins anew because another writer came in between."""


class SqlLatchStore:
    """A `FarStore` in PostgreSQL: one row, signed with a key derived from `secret`.

    Which of two latches is the higher one is told from what is signed: whoever may write into the
    database can write any number beside it.
    """

    def __init__(self, sql: SharedSql, *, secret: Callable[[], bytes]) -> None:
        self._sql = sql
        self._seal = StoreSeal(secret, purpose="the kill switch in the database")

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
        return None if text is None else self._latch(text)

    def put(self, latch: Latch) -> Placed:
        """Keep `latch` unless the row outranks it; one that cannot be read is replaced.

        Raises `LatchStoreError`.
        """
        try:
            sealed = self._seal.close(latch_to_text(latch).encode()).decode()
            for _ in range(PUTS):
                with self._sql.transaction() as connection:
                    text = connection.scalar(select(KeptLatch.text).where(HOLDS))
                    present = None if text is None else self._latch_if_signed(text)
                    if present is not None and not latch.outranks(present):
                        return Placed(present, time.time())
                    at = time.time()
                    swapped = _swap(connection, text, sealed, latch)
                if swapped:
                    return Placed(latch, at)
        except (DatabaseUnavailable, BrokenSealError) as error:
            raise LatchStoreError(f"the kill switch cannot be written: {error}") from error
        raise LatchStoreError(
            "the kill switch in the database's table latch was changed by others"
            f" {PUTS} times while it was to be written: see who writes there"
        )

    def wait(self, stopping: threading.Event, *, seconds: float) -> None:
        """Let the time pass: the database announces nothing."""
        stopping.wait(seconds)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._sql.close()

    def _latch_if_signed(self, text: str) -> Latch | None:
        """Return what a text says, None if nobody signed it who has the key."""
        try:
            return self._latch(text)
        except LatchStoreError:
            return None

    def _latch(self, text: str) -> Latch:
        """Return what the signed text says. Raises `LatchStoreError`."""
        try:
            return latch_from_text(self._seal.open(text.encode()).decode(errors="replace"))
        except ValueError as error:
            raise LatchStoreError(
                f"the kill switch in the database's table latch cannot be read: {error}; write"
                " it anew with `flask rollout rollback`, or with `flask rollout resume`"
            ) from error


def _swap(connection: Connection, old: str | None, new: str, latch: Latch) -> bool:
    """Replace the row's text if it is still the old one; tell whether it was."""
    values = {"epoch": latch.epoch, "engaged": latch.engaged, "text": new}
    if old is None:
        row = insert(KeptLatch).values(name=NAME, **values)
        done = connection.execute(row.on_conflict_do_nothing(index_elements=["name"]))
    else:
        same = (HOLDS, KeptLatch.text == old)
        done = connection.execute(update(KeptLatch).where(*same).values(**values))
    return done.rowcount == 1
