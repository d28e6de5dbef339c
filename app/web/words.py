"""What the pages call a source of money; the browser is given the same words."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.web.readings import Movement

SOURCE_NAMES = {
    "farming": "Farming reward",
    "boost_income": "Boost income",
    "referral_reward": "Referral reward",
    "daily_bonus": "Daily bonus",
    "mission": "Mission reward",
    "withdrawal": "Withdrawal",
    "manual": "Adjustment",
    "manual_sync": "Adjustment",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction as the user's page lists it; `icon` is one of the sprite's."""

    title: str
    icon: str
    amount: Decimal
    currency: str
    at: datetime


def described(movement: Movement) -> Entry:
    """Return the transaction in words; an unknown source passes through unchanged."""
    return Entry(
        title=SOURCE_NAMES.get(movement.source, movement.source),
        icon=movement.source if movement.source in SOURCE_NAMES else "manual",
        amount=movement.amount,
        currency=movement.currency,
        at=movement.at,
    )
