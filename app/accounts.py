"""Accounts: which user ids there can be, and how a user gets a balance."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.errors import InvalidCreditError
from app.models import MAX_USER_ID, Balance, User


def valid_user_id(user_id: object) -> int:
    """Return the id if it is an int from 1 to 2**53 - 1; raise `InvalidCreditError` if not."""
    if type(user_id) is int and 1 <= user_id <= MAX_USER_ID:
        return user_id
    raise InvalidCreditError(
        f"{repr(user_id)[:60]} is not a user id: give a whole number from 1 to {MAX_USER_ID}"
    )


def open_accounts(session: Session, user_ids: Collection[int]) -> list[int]:
    """Give each of these users a balance of zero at version 0, unless there is an account.

    Returns the ids that are new. Raises `InvalidCreditError` for what is no user id.
    """
    wanted = sorted({valid_user_id(user_id) for user_id in user_ids})
    there = set(session.scalars(select(User.id).where(User.id.in_(wanted))))
    new = [user_id for user_id in wanted if user_id not in there]
    if new:
        now = datetime.now(UTC)
        zero = Decimal(0)
        session.execute(insert(User), [{"id": user_id, "created_at": now} for user_id in new])
        session.execute(
            insert(Balance),
            [{"user_id": user_id, "uni": zero, "ton": zero, "version": 0} for user_id in new],
        )
    return new
