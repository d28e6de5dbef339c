"""The wallet: what comes into a balance from outside, and what leaves it."""

from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive

TON_DEPOSIT = "WalletService.processTonDeposit"
"""The name that production gives to deposits: that of its own method."""


def deposit_ton(manager: BalanceManager, *, user_id: int, amount: Decimal, tx_hash: str) -> Booked:
    """Book a deposit of TON, once for each transaction of the chain. Raises as `change_balance`."""
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=Currency.TON,
            amount=positive(amount),
            source=TON_DEPOSIT,
            idempotency_key=f"ton_deposit:{tx_hash}",
        )
    )


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
