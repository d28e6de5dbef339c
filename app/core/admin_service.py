"""What administrators book by hand: corrections of a balance, and airdrops."""

from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive

CORRECTION = "setBalance"
AIRDROP = "addBalance"
"""Production names no source for either, so it is that of the manager's method."""


def correct_balance(
    manager: BalanceManager, *, user_id: int, currency: Currency, by: Decimal, correction_id: str
) -> Booked:
    """Book a correction by an amount above or below zero, once for each correction.

    Production writes the new balance over the old one, and loses what was booked meanwhile.
    Raises as `change_balance`.
    """
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=currency,
            amount=by,
            source=CORRECTION,
            idempotency_key=f"correction:{user_id}:{correction_id}",
        )
    )


def pay_airdrop(manager: BalanceManager, *, user_id: int, amount: Decimal, campaign: str) -> Booked:
    """Pay UNI of a campaign, once for each user. Raises as `change_balance`."""
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=Currency.UNI,
            amount=positive(amount),
            source=AIRDROP,
            idempotency_key=f"airdrop:{user_id}:{campaign}",
        )
    )
