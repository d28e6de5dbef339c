"""What the pages call a source of money; the browser is given the same words."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.web.readings import Movement

SOURCE_NAMES = {
    "UNI_farming_income": "Farming reward",
    "TON_farming_income": "Farming reward",
    "batch_update": "Adjustment",
    "batch_subtract": "Adjustment",
    "farming": "Farming reward",
    "boost_income": "Boost income",
    "referral_reward": "Referral reward",
    "daily_bonus": "Daily bonus",
    "mission": "Mission reward",
    "withdrawal": "Withdrawal",
    "manual": "Adjustment",
    "manual_sync": "Adjustment",
    "addBalance": "Airdrop",
    "subtractBalance": "Purchase",
    "setBalance": "Correction",
    "WalletService.processTonDeposit": "Deposit",
}
SOURCE_ICONS = {
    "UNI_farming_income": "farming",
    "TON_farming_income": "farming",
    "batch_update": "manual",
    "batch_subtract": "manual",
    "addBalance": "daily_bonus",
    "subtractBalance": "boost_income",
    "setBalance": "manual",
    "WalletService.processTonDeposit": "withdrawal",
}
"""The icon of a source that has none of its own name."""


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
        icon=SOURCE_ICONS.get(movement.source)
        or (movement.source if movement.source in SOURCE_NAMES else "manual"),
        amount=movement.amount,
        currency=movement.currency,
        at=movement.at,
    )
