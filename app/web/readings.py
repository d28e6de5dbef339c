"""What the pages read of the database: balances, and what changed them lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Balance, TonBoost, Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """A user's balance at one version; amounts have six decimals, and so has their text."""

    id: int
    uni: Decimal
    ton: Decimal
    version: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One booked transaction; `uni_after` is the UNI balance that it left."""

    user_id: int
    amount: Decimal
    currency: str
    source: str
    uni_after: Decimal
    at: datetime


_ACCOUNT = select(Balance.user_id, Balance.uni, Balance.ton, Balance.version)
_MOVEMENT = select(
    Transaction.user_id,
    Transaction.amount,
    Transaction.currency,
    Transaction.source,
    Transaction.uni_after,
    Transaction.created_at,
)


def account_of(session: Session, user_id: int) -> Account | None:
    """Return the user's balance, None if there is no such user."""
    row = session.execute(_ACCOUNT.where(Balance.user_id == user_id)).one_or_none()
    return None if row is None else Account(*row)


def first_accounts(session: Session, limit: int) -> list[Account]:
    """Return the balances of the `limit` lowest user ids."""
    return [
        Account(*row) for row in session.execute(_ACCOUNT.order_by(Balance.user_id).limit(limit))
    ]


def latest_movements(session: Session, user_id: int, limit: int) -> list[Movement]:
    """Return the user's newest transactions, newest first."""
    chosen = _MOVEMENT.where(Transaction.user_id == user_id)
    newest = chosen.order_by(Transaction.version.desc()).limit(limit)
    return [Movement(*row) for row in session.execute(newest)]


def movements_since(
    session: Session, user_ids: Sequence[int], since: datetime
) -> dict[int, list[Movement]]:
    """Return each user's transactions from `since` on, oldest first."""
    chosen = _MOVEMENT.where(Transaction.user_id.in_(user_ids), Transaction.created_at >= since)
    found: dict[int, list[Movement]] = {user_id: [] for user_id in user_ids}
    for row in session.execute(chosen.order_by(Transaction.user_id, Transaction.version)):
        found[row.user_id].append(Movement(*row))
    return found


def users_with_a_boost(session: Session, user_ids: Sequence[int]) -> set[int]:
    """Return those of the users whom the boost scheduler pays."""
    return set(session.scalars(select(TonBoost.user_id).where(TonBoost.user_id.in_(user_ids))))
