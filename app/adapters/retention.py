"""Removes what was kept for long enough: a few rows at a time, by one worker at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import Delete, delete, select, tuple_, update
from sqlalchemy.orm import Session

from app.adapters.ledger import WAIT_S, upsert
from app.database import Database
from app.models import (
    LedgerCaller,
    LedgerCounter,
    LedgerEpoch,
    LedgerGroup,
    LedgerSample,
    LedgerWriter,
    ShadowChore,
    ShadowReplay,
)

EVERY = timedelta(minutes=1)
"""How often rows are removed, by whichever worker comes first."""
AT_ONCE = 200
"""Rows of a table that are removed at a time: bookings wait for no more than that."""
_NAME = "retention"
_EPOCH = (LedgerEpoch.migration, LedgerEpoch.epoch)
_COUNTER = (
    LedgerCounter.caller,
    LedgerCounter.side,
    LedgerCounter.comparison,
    LedgerCounter.what,
)
_COUNTED = ("caller", "side", "comparison", "what", "count")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long what is kept: a replay since it was recorded, the ledger since it last grew."""

    replays: timedelta
    ledger: timedelta


class SqlRetention:
    """Takes its turn at most once a minute over all workers. May be used from any thread."""

    def __init__(
        self,
        database: Database,
        kept: Kept,
        *,
        utc_now: Callable[[], datetime],
        at_once: int = AT_ONCE,
    ) -> None:
        self._database = database
        self._kept = kept
        self._utc_now = utc_now
        self._at_once = at_once
        self._next = _LONG_AGO

    def turn(self) -> None:
        """Remove what is too old, if no worker did so within a minute.

        Raises DatabaseUnavailable: then it is tried at the next turn.
        """
        now = self._utc_now()
        if self._next - EVERY <= now < self._next:  # else the clock was set back, or it is time
            return
        with self._database.transaction(wait_s=WAIT_S) as session:
            if _take(session, now):
                self._remove(session, now)
        self._next = now + EVERY

    def _remove(self, session: Session, now: datetime) -> None:
        _remove_replays(session, now - self._kept.replays, self._at_once)
        _remove_groups(session, now - self._kept.ledger, self._at_once)
        _remove_writers(session, now - self._kept.ledger, self._at_once)
        _fold_an_epoch(session, now - self._kept.ledger)


def _take(session: Session, now: datetime) -> bool:
    """Take the chore on; False if another worker did within the last minute."""
    upsert(session, ShadowChore, [{"name": _NAME, "taken_at": _LONG_AGO}], add=())
    recently = ShadowChore.taken_at.between(now - EVERY, now + EVERY)
    taken = (
        update(ShadowChore)
        .where(ShadowChore.name == _NAME, ~recently)
        .values(taken_at=now)
        .execution_options(synchronize_session=False)
    )
    return bool(session.connection().execute(taken).rowcount)


def _remove_replays(session: Session, before: datetime, most: int) -> None:
    old = select(ShadowReplay.id).where(ShadowReplay.at < before).limit(most)
    _execute(session, delete(ShadowReplay).where(ShadowReplay.id.in_(old)))


def _remove_writers(session: Session, before: datetime, most: int) -> None:
    old = select(LedgerWriter.writer).where(LedgerWriter.seen_at < before).limit(most)
    _execute(session, delete(LedgerWriter).where(LedgerWriter.writer.in_(old)))


def _remove_groups(session: Session, before: datetime, most: int) -> None:
    """Remove groups with all that belongs to them, in the order in which they are added to."""
    key = (
        LedgerGroup.migration,
        LedgerGroup.comparison,
        LedgerGroup.fingerprint,
        LedgerGroup.known,
        LedgerGroup.epoch,
    )
    found = select(*key).where(LedgerGroup.last_seen < before).order_by(*key).limit(most)
    old = [tuple(row) for row in session.execute(found)]
    if not old:
        return
    # Once more by its time: it may have grown since it was read.
    gone = delete(LedgerGroup).where(tuple_(*key).in_(old), LedgerGroup.last_seen < before)
    removed = [tuple(row) for row in session.execute(gone.returning(*key))]
    for model in (LedgerCaller, LedgerSample) if removed else ():
        named = tuple_(
            model.migration, model.comparison, model.fingerprint, model.known, model.epoch
        )
        _execute(session, delete(model).where(named.in_(removed)))


def _fold_an_epoch(session: Session, before: datetime) -> None:
    """Add the counters of one epoch that was over by then to those of epoch 0."""
    kept = list(session.scalars(select(LedgerEpoch).order_by(*_EPOCH)))
    for old, newer in pairwise(kept):
        if old.migration == newer.migration and newer.begun < before and old.epoch:
            break
    else:
        return
    migration, epoch = old.migration, old.epoch
    ours = (LedgerCounter.migration == migration, LedgerCounter.epoch == epoch)
    gone = delete(LedgerCounter).where(*ours).returning(*_COUNTER, LedgerCounter.count)
    rows = [
        {**dict(zip(_COUNTED, row, strict=True)), "migration": migration, "epoch": 0}
        for row in session.execute(gone)
    ]
    upsert(session, LedgerCounter, rows, add=("count",))
    named = (LedgerEpoch.migration == migration, LedgerEpoch.epoch == epoch)
    _execute(session, delete(LedgerEpoch).where(*named))


def _execute(session: Session, statement: Delete) -> None:
    session.connection().execute(statement)
