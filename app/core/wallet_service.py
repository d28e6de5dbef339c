"""The wallet: what leaves a balance."""

from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive


def withdraw(
    manager: BalanceManager, *, user_id: int, currency: Currency, amount: Decimal, request_id: str
) -> Booked:
    """Book a withdrawal of an amount above zero, once for each request.

    Raises `InsufficientFundsError` if the balance is smaller, else as `change_balance`.
    """
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=currency,
            amount=-positive(amount),
            source="withdrawal",
            idempotency_key=f"withdrawal:{user_id}:{request_id}",
        )
    )
