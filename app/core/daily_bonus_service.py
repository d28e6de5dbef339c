"""The daily bonus: once a day for whoever asks."""

from datetime import date
from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive


def claim_daily_bonus(
    manager: BalanceManager, *, user_id: int, day: date, amount: Decimal
) -> Booked:
    """Pay the bonus of a day in UNI, once for each user. Raises as `change_balance`."""
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=Currency.UNI,
            amount=positive(amount),
            source="daily_bonus",
            idempotency_key=f"daily_bonus:{user_id}:{day:%Y-%m-%d}",
        )
    )
