"""The purchase of a TON boost: what it costs leaves the balance, and the boost begins to earn."""

from decimal import Decimal

from sqlalchemy.orm import Session

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.models import TonBoost
from app.money import Currency, positive

PURCHASE = "subtractBalance"
"""Production names no source here, so it is that of the manager's method."""


def buy_ton_boost(
    manager: BalanceManager,
    *,
    user_id: int,
    amount: Decimal,
    daily_rate: Decimal,
    purchase_id: str,
) -> Booked:
    """Book the price and open a boost of as much TON, both or neither, once for each purchase.

    `daily_rate` is the fraction earned in a day. Raises `InsufficientFundsError` if the balance
    is smaller, else as `change_balance`.
    """

    def open_boost(session: Session, _: Booked) -> None:
        session.add(TonBoost(user_id=user_id, amount=price, daily_rate=positive(daily_rate)))

    price = positive(amount)
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=Currency.TON,
            amount=-price,
            source=PURCHASE,
            idempotency_key=f"ton_boost:{user_id}:{purchase_id}",
        ),
        along=open_boost,
    )
