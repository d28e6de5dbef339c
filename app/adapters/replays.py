"""Divergences that can be run again, in SQL: a table of limited access, see the README."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.adapters.ledger import WAIT_S, upsert
from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import ShadowReplay
from shim.shadow.replays import FIRST, SAMPLED, Record, ReplayStoreError, Share

MOST = 10_000
"""Records in the table; when it is full no more fingerprints are taken in."""
_ROOM = {Share.FIRST: FIRST, Share.SAMPLE: SAMPLED}


class SqlReplayStore:
    """A `ReplayStore` on SQLite and PostgreSQL. May be used from any thread."""

    def __init__(self, database: Database, *, most: int = MOST) -> None:
        self._database = database
        self._most = most

    def add(self, records: Sequence[Record]) -> int:
        """Add records in one transaction. See `ReplayStore`. Raises ReplayStoreError."""
        try:
            with self._database.transaction(wait_s=WAIT_S) as session:
                welcome = self._with_room(session, records)
                upsert(session, ShadowReplay, [_row(record) for record in welcome], add=())
                for mark, share in sorted({(each.fingerprint, each.share) for each in welcome}):
                    _trim(session, mark, share)
                return len(records) - len(welcome)
        except (DatabaseUnavailable, IntegrityError, DataError) as error:
            raise ReplayStoreError(f"records could not be kept: {error}") from error

    def find(self, prefix: str) -> tuple[Record, ...]:
        """Return the records whose fingerprint begins so, oldest first."""
        query = (
            select(ShadowReplay)
            .where(ShadowReplay.fingerprint.startswith(prefix, autoescape=True))
            .order_by(ShadowReplay.at, ShadowReplay.id)
        )
        try:
            with self._database.reading() as session:
                return tuple(
                    Record(row.id, row.fingerprint, Share(row.share), row.draw, row.at, row.text)
                    for row in session.scalars(query)
                )
        except DatabaseUnavailable as error:
            raise ReplayStoreError(f"records could not be read: {error}") from error

    def _with_room(self, session: Session, records: Sequence[Record]) -> list[Record]:
        """Leave out fingerprints that are new to a table that is full."""
        count = session.scalar(select(func.count()).select_from(ShadowReplay)) or 0
        if count + len(records) <= self._most:
            return list(records)
        present = set(session.scalars(select(ShadowReplay.fingerprint).distinct()))
        return [record for record in records if record.fingerprint in present]


def _row(record: Record) -> dict[str, object]:
    return {
        "id": record.id,
        "fingerprint": record.fingerprint,
        "share": record.share,
        "draw": record.draw,
        "at": record.at,
        "text": record.text,
    }


def _trim(session: Session, mark: str, share: Share) -> None:
    """Keep the lowest draws of a share, whichever process they come from."""
    of_share = (ShadowReplay.fingerprint == mark, ShadowReplay.share == share)
    stay = (
        select(ShadowReplay.id)
        .where(*of_share)
        .order_by(ShadowReplay.draw, ShadowReplay.id)
        .limit(_ROOM[share])
    )
    session.execute(
        delete(ShadowReplay)
        .where(*of_share, ShadowReplay.id.not_in(stay))
        .execution_options(synchronize_session=False)
    )
