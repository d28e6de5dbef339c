"""What a farming deposit earns in one tick, as production books it today."""

from decimal import ROUND_DOWN, Decimal
from typing import Protocol

TICKS_A_DAY = 288
"""There are 288 times five minutes in a day; how long a tick really took is not asked."""
_MILLIONTH = Decimal("0.000001")


class Deposit(Protocol):
    """What the calculation looks at."""

    @property
    def amount(self) -> Decimal:
        """The UNI that are farmed with."""

    @property
    def daily_rate(self) -> Decimal:
        """The fraction of it that is earned in a day."""


def tick_income(deposit: Deposit) -> Decimal:
    """Return the deposit times its daily rate over 288, rounded down to six places."""
    earned = deposit.amount * deposit.daily_rate / TICKS_A_DAY
    return earned.quantize(_MILLIONTH, ROUND_DOWN)
