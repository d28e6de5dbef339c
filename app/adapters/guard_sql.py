"""The guard's record in SQL, and the ledger as the guard reads it: sums, and nothing personal.

It is read twice a second for as long as the rollout lasts: one statement each time, made once,
on a plain connection, where sessions and models would cost several times as much.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from app.adapters.ledger import upsert
from app.columns import BigInt
from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import GuardRow, LedgerCounter, LedgerGroup, LedgerSample
from shim.guard.record import GuardRecord, GuardStoreError, Kept, record_from_text, record_to_text
from shim.guard.totals import COMPARED, Totals, totals_of
from shim.shadow.activity import MARK
from shim.shadow.counts import HARM, Cell
from shim.shadow.ledger import GroupKey
from shim.shadow.ledger_store import DRILL
from shim.shadow.result import noise_of

WAIT_S = 0.5
"""How long a record waits for a lock: the next one comes soon."""

_GROUP = "group"
"""Stands for a side in the rows that are groups."""


class SqlGuardStore:
    """A `GuardStore` of one migration on SQLite and PostgreSQL. Belongs to one thread."""

    def __init__(self, database: Database, *, migration: str, comparisons: tuple[str, ...]) -> None:
        self._database = database
        self._migration = migration
        self._comparisons = comparisons
        self._totals = union_all(_counters(migration, comparisons), _groups(migration, comparisons))
        self._kept = select(GuardRow.version, GuardRow.text, GuardRow.judged_at).where(
            GuardRow.migration == migration
        )
        self._samples = (
            select(LedgerSample.text)
            .where(
                LedgerSample.migration == migration,
                LedgerSample.fingerprint == bindparam("fingerprint"),
            )
            .order_by(LedgerSample.epoch.desc(), LedgerSample.number)
            .limit(1)
        )

    def read(self) -> Kept:
        """Return the record that is kept."""
        with _named("read"), self._database.read_only().snapshot() as connection:
            row = connection.execute(self._kept).one_or_none()
            if row is None:
                return Kept()
            # A clock that was set back makes it come from the future: as far off is as old.
            age = abs((_now(connection) - row.judged_at).total_seconds())
        try:
            return Kept(record_from_text(row.text), row.version, age)
        except ValueError:
            return Kept(None, row.version, age)

    def write(self, record: GuardRecord, *, after: int) -> bool:
        """Keep a record, unless another one was kept since it was read."""
        with _named("written"), self._database.transaction(wait_s=WAIT_S) as session:
            now = _now(session.connection())
            if after == 0:
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
        """Return what all workers counted."""
        with _named("read"):
            rows = self._database.read_only().rows(self._totals)
        return totals_of(
            {Cell(*row[:4]): row[4] for row in rows if row[1] != _GROUP},
            [(GroupKey(row[2], row[3], ""), row[4]) for row in rows if row[1] == _GROUP],
            comparisons=self._comparisons,
        )

    def sample(self, fingerprint: str) -> str:
        """Return the first sample of a fingerprint."""
        with _named("read"):
            rows = self._database.read_only().rows(self._samples, fingerprint=fingerprint)
        return str(rows[0][0]) if rows else ""


def _counters(migration: str, comparisons: tuple[str, ...]) -> Select[Any]:
    """Return what selects the counters that are judged, as caller, side, comparison and what."""
    noise = [noise_of(comparison) for comparison in comparisons]
    judged = and_(
        LedgerCounter.comparison.in_((*comparisons, *noise)),
        LedgerCounter.what.in_(COMPARED),
        ~LedgerCounter.caller.startswith(MARK, autoescape=True),
    )
    harmful = LedgerCounter.what.startswith(HARM, autoescape=True)
    return (
        select(
            LedgerCounter.caller,
            LedgerCounter.side,
            LedgerCounter.comparison,
            LedgerCounter.what,
            _sum(LedgerCounter.count),
        )
        .where(LedgerCounter.migration == migration, or_(judged, harmful))
        .group_by(
            LedgerCounter.caller, LedgerCounter.side, LedgerCounter.comparison, LedgerCounter.what
        )
    )


def _groups(migration: str, comparisons: tuple[str, ...]) -> Select[Any]:
    """Return what selects the groups that nobody knows, in the same columns."""
    return (
        select(
            literal(""),
            literal(_GROUP),
            LedgerGroup.comparison,
            LedgerGroup.fingerprint,
            _sum(LedgerGroup.count),
        )
        .where(
            LedgerGroup.migration == migration,
            LedgerGroup.known == "",
            LedgerGroup.comparison.in_((*comparisons, DRILL)),
        )
        .group_by(LedgerGroup.comparison, LedgerGroup.fingerprint)
    )


def _sum(counted: InstrumentedAttribute[int]) -> ColumnElement[int]:
    """Return the sum over all epochs; PostgreSQL's is a decimal, unless asked otherwise."""
    return cast(func.sum(counted), BigInt)


def _now(connection: Connection) -> datetime:
    """Return the time by the clock that all who use the database share."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    return connection.execute(select(func.clock_timestamp())).scalar_one()


@contextmanager
def _named(done: str) -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, IntegrityError, DataError) as error:
        raise GuardStoreError(f"what the guard goes by cannot be {done}: {error}") from error
