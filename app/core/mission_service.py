"""Missions: a reward for something done once."""

from decimal import Decimal

from app.core.balance_manager import BalanceManager
from app.credits import Booked, Credit
from app.money import Currency, positive


def complete_mission(
    manager: BalanceManager, *, user_id: int, mission: str, reward: Decimal
) -> Booked:
    """Pay the reward of a mission in UNI, once for each user. Raises as `change_balance`."""
    return manager.change_balance(
        Credit(
            user_id=user_id,
            currency=Currency.UNI,
            amount=positive(reward),
            source="mission",
            idempotency_key=f"mission:{user_id}:{mission}",
        )
    )
