"""The guard's record in SQL, and the ledger as the guard reads it: sums, and nothing personal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.adapters.ledger import upsert
from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import GuardRow, LedgerCounter, LedgerGroup, LedgerSample, LedgerWriter
from shim.guard.record import GuardRecord, GuardStoreError, Kept, record_from_text, record_to_text
from shim.guard.totals import Totals, totals_of
from shim.shadow.activity import MARK
from shim.shadow.counts import Cell
from shim.shadow.ledger import GroupKey
from shim.shadow.ledger_store import DRILL

WAIT_S = 0.5
"""How long a look waits for a lock: the next one comes soon."""


class SqlGuardStore:
    """A `GuardStore` of one migration on SQLite and PostgreSQL. Belongs to one thread."""

    def __init__(self, database: Database, *, migration: str, comparisons: tuple[str, ...]) -> None:
        self._database = database
        self._migration = migration
        self._comparisons = comparisons
        self._stamp: object = None
        self._totals: Totals = {}

    def read(self) -> Kept:
        """Return the record that is kept."""
        with _named("read"), self._database.reading(wait_s=WAIT_S) as session:
            row = session.get(GuardRow, self._migration)
            if row is None:
                return Kept()
            age = (_now(session) - row.judged_at).total_seconds()
            try:
                return Kept(record_from_text(row.text), row.version, age)
            except ValueError:
                return Kept(None, row.version, age)

    def write(self, record: GuardRecord, *, after: int) -> bool:
        """Keep a record, unless another one was kept since it was read."""
        with _named("written"), self._database.transaction(wait_s=WAIT_S) as session:
            now = _now(session)
            blank = {"migration": self._migration, "version": 0, "text": "", "judged_at": now}
            upsert(session, GuardRow, [blank], add=())
            kept = (
                update(GuardRow)
                .where(GuardRow.migration == self._migration, GuardRow.version == after)
                .values(version=after + 1, text=record_to_text(record), judged_at=now)
                .execution_options(synchronize_session=False)
            )
            return bool(session.connection().execute(kept).rowcount)

    def totals(self) -> Totals:
        """Return what all workers counted; read anew only if a worker handed something in."""
        with _named("read"), self._database.reading(wait_s=WAIT_S) as session:
            stamp = session.execute(
                select(func.count(), func.sum(LedgerWriter.batch), func.max(LedgerWriter.seen_at))
            ).one()
            if stamp != self._stamp:
                self._totals = self._read(session)
                self._stamp = stamp
        return self._totals

    def sample(self, fingerprint: str) -> str:
        """Return the first sample of a fingerprint."""
        wanted = (
            select(LedgerSample.text)
            .where(
                LedgerSample.migration == self._migration,
                LedgerSample.fingerprint == fingerprint,
            )
            .order_by(LedgerSample.number)
            .limit(1)
        )
        with _named("read"), self._database.reading(wait_s=WAIT_S) as session:
            return session.scalar(wanted) or ""

    def _read(self, session: Session) -> Totals:
        cell = (LedgerCounter.caller, LedgerCounter.side)
        cell += (LedgerCounter.comparison, LedgerCounter.what)
        counters = session.execute(
            select(*cell, LedgerCounter.count).where(
                LedgerCounter.migration == self._migration,
                LedgerCounter.comparison != "",
                ~LedgerCounter.caller.startswith(MARK, autoescape=True),
            )
        )
        key = (LedgerGroup.comparison, LedgerGroup.fingerprint, LedgerGroup.known)
        groups = session.execute(
            select(*key, LedgerGroup.count).where(
                LedgerGroup.migration == self._migration,
                LedgerGroup.known == "",
                LedgerGroup.comparison.in_((*self._comparisons, DRILL)),
            )
        )
        return totals_of(
            {Cell(*row[:4]): row[4] for row in counters},
            [(GroupKey(*row[:3]), row[3]) for row in groups],
            comparisons=self._comparisons,
        )


def _now(session: Session) -> datetime:
    """Return the time by the clock that all who use the database share."""
    if session.connection().dialect.name == "sqlite":
        return datetime.now(UTC)
    return session.execute(select(func.clock_timestamp())).scalar_one()


@contextmanager
def _named(done: str) -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, IntegrityError, DataError) as error:
        raise GuardStoreError(f"what the guard goes by cannot be {done}: {error}") from error
