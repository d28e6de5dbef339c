"""The referral bonus, given by hand through the balance manager."""

from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive


def pay_referral_bonus(
    manager: BalanceManager, *, referrer_id: int, referred_id: int, amount: Decimal
) -> Booked:
    """Pay UNI to a referrer, once for each user referred. Raises as `change_balance`."""
    return manager.change_balance(
        Credit(
            user_id=referrer_id,
            currency=Currency.UNI,
            amount=positive(amount),
            source="referral_reward",
            idempotency_key=f"referral:{referrer_id}:{referred_id}",
        )
    )
