"""The ledger in SQL: what all processes found, added up in small upserts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import (
    CALLER_LENGTH,
    Base,
    LedgerCaller,
    LedgerCounter,
    LedgerEpoch,
    LedgerGroup,
    LedgerSample,
    LedgerWriter,
)
from flags.decision import BALANCE_NOTIFICATIONS
from shim.shadow.counts import Cell
from shim.shadow.ledger import MOST_SAMPLES, OVERFLOW, GroupDelta, GroupKey
from shim.shadow.ledger_store import (
    DRILL,
    MOST_STORED,
    Batch,
    Epoch,
    Group,
    LedgerError,
    LedgerView,
)

WAIT_S = 1.0
"""How long a batch waits for a lock: bookings come first."""

_GROUP = (LedgerGroup.comparison, LedgerGroup.fingerprint, LedgerGroup.known, LedgerGroup.epoch)


class SqlLedgerStore:
    """A `LedgerStore` of one migration on SQLite and PostgreSQL. May be used from any thread."""

    def __init__(
        self,
        database: Database,
        *,
        migration: str = BALANCE_NOTIFICATIONS.migration,
        most: int = MOST_STORED,
    ) -> None:
        self._database = database
        self._migration = migration
        self._most = most

    def add(self, batch: Batch) -> None:
        """Add a batch in one transaction. See `LedgerStore`. Raises LedgerError."""
        try:
            with self._database.transaction(wait_s=WAIT_S) as session:
                if _is_new(session, batch):
                    _add_epochs(session, self._migration, batch.epochs)
                    _add_counters(session, self._migration, batch.counters)
                    keyed = self._with_room(session, batch.groups)
                    _add_groups(session, self._migration, keyed)
        except (DatabaseUnavailable, IntegrityError, DataError) as error:
            raise LedgerError(f"the ledger could not be written: {error}") from error

    def read(self) -> LedgerView:
        """Return everything, of one moment, but for drills. Raises LedgerError."""
        try:
            with self._database.reading() as session:
                return LedgerView(
                    _counters(session, self._migration),
                    _groups(session, self._migration),
                    _epochs(session, self._migration),
                )
        except DatabaseUnavailable as error:
            raise LedgerError(f"the ledger could not be read: {error}") from error

    def _with_room(
        self, session: Session, deltas: Sequence[GroupDelta]
    ) -> list[tuple[GroupKey, GroupDelta]]:
        """Send groups that are new to `overflow` where there is no room for them."""
        if not deltas:
            return []
        ours = select(*_GROUP).where(LedgerGroup.migration == self._migration)
        present = {GroupKey(*row) for row in session.execute(ours)}
        keyed = []
        for delta in deltas:
            key = delta.key
            if key not in present and len(present) >= self._most:
                key = key._replace(fingerprint=OVERFLOW)
            present.add(key)
            keyed.append((key, delta))
        # In one order everywhere: two processes must not wait for each other's rows.
        return sorted(keyed, key=lambda pair: pair[0])


def _is_new(session: Session, batch: Batch) -> bool:
    """Note the batch as its writer's newest; False if it was added before."""
    rows = [{"writer": batch.writer, "batch": 0, "seen_at": datetime.now(UTC)}]
    upsert(session, LedgerWriter, rows, add=())
    newer = (
        update(LedgerWriter)
        .where(LedgerWriter.writer == batch.writer, LedgerWriter.batch < batch.number)
        .values(batch=batch.number, seen_at=datetime.now(UTC))
        .execution_options(synchronize_session=False)
    )
    return bool(session.connection().execute(newer).rowcount)


def _add_epochs(session: Session, migration: str, epochs: Sequence[Epoch]) -> None:
    rows = [
        {"migration": migration, "epoch": each.number, "begun": each.begun, "resumed": each.resumed}
        for each in sorted(epochs)
    ]
    upsert(session, LedgerEpoch, rows, add=())


def _add_counters(session: Session, migration: str, counters: Mapping[Cell, int]) -> None:
    rows: dict[Cell, int] = defaultdict(int)
    for cell, count in counters.items():
        rows[cell._replace(caller=cell.caller[:CALLER_LENGTH])] += count
    named = [
        {"migration": migration, **cell._asdict(), "count": rows[cell]} for cell in sorted(rows)
    ]
    upsert(session, LedgerCounter, named, add=("count",))


def _add_groups(
    session: Session, migration: str, keyed: Sequence[tuple[GroupKey, GroupDelta]]
) -> None:
    groups = [
        {
            "migration": migration,
            **key._asdict(),
            "count": delta.count,
            "first_seen": delta.first_seen,
            "last_seen": delta.last_seen,
            "differences": [] if key.fingerprint == OVERFLOW else list(delta.differences),
        }
        for key, delta in keyed
    ]
    callers = [
        {"migration": migration, **key._asdict(), "caller": caller[:CALLER_LENGTH], "count": count}
        for key, delta in keyed
        for caller, count in sorted(delta.callers.items())
    ]
    samples = [
        {
            "migration": migration,
            **key._asdict(),
            "number": sample.number,
            "text": sample.text,
        }
        for key, delta in keyed
        for sample in delta.samples
        if sample.number <= MOST_SAMPLES
    ]
    upsert(session, LedgerGroup, groups, add=("count",), least="first_seen", most="last_seen")
    upsert(session, LedgerCaller, callers, add=("count",))
    upsert(session, LedgerSample, samples, add=())


def upsert(
    session: Session,
    model: type[Base],
    rows: list[dict[str, Any]],
    *,
    add: Sequence[str],
    least: str | None = None,
    most: str | None = None,
) -> None:
    """Insert rows; for one that is there add to some columns, lower one and raise one."""
    if not rows:
        return
    table = model.__table__
    dialect = sqlite if session.connection().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    changes: dict[str, Any] = {name: table.c[name] + new[name] for name in add}
    if least is not None:
        old = table.c[least]
        changes[least] = case((new[least] < old, new[least]), else_=old)
    if most is not None:
        old = table.c[most]
        changes[most] = case((new[most] > old, new[most]), else_=old)
    keys = [column.name for column in table.primary_key]
    if changes:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changes)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    session.connection().execute(statement, rows)


def _counters(session: Session, migration: str) -> dict[Cell, int]:
    cell = (
        LedgerCounter.caller,
        LedgerCounter.side,
        LedgerCounter.comparison,
        LedgerCounter.what,
        LedgerCounter.epoch,
    )
    ours = select(*cell, LedgerCounter.count).where(LedgerCounter.migration == migration)
    rows = session.execute(ours.order_by(*cell))
    return {Cell(*row[:-1]): row[-1] for row in rows}


def _epochs(session: Session, migration: str) -> tuple[Epoch, ...]:
    ours = select(LedgerEpoch).where(LedgerEpoch.migration == migration)
    rows = session.scalars(ours.order_by(LedgerEpoch.epoch))
    return tuple(Epoch(row.epoch, row.begun, row.resumed) for row in rows)


def _groups(session: Session, migration: str) -> tuple[Group, ...]:
    callers: dict[GroupKey, dict[str, int]] = defaultdict(dict)
    counted = select(LedgerCaller).where(LedgerCaller.migration == migration)
    for row in session.scalars(counted.order_by(LedgerCaller.caller)):
        callers[_key(row)][row.caller] = row.count
    samples: dict[GroupKey, list[str]] = defaultdict(list)
    kept = select(LedgerSample).where(LedgerSample.migration == migration)
    for sample in session.scalars(kept.order_by(LedgerSample.number)):
        samples[_key(sample)].append(sample.text)
    ours = select(LedgerGroup).where(
        LedgerGroup.migration == migration, LedgerGroup.comparison != DRILL
    )
    groups = session.scalars(ours.order_by(LedgerGroup.count.desc(), *_GROUP))
    return tuple(
        Group(
            *_key(group)[:3],
            group.count,
            group.first_seen,
            group.last_seen,
            tuple(group.differences),
            callers[_key(group)],
            tuple(samples[_key(group)]),
            group.epoch,
        )
        for group in groups
    )


def _key(row: LedgerGroup | LedgerCaller | LedgerSample) -> GroupKey:
    return GroupKey(row.comparison, row.fingerprint, row.known, row.epoch)
