"""What farming and boosts earn: the income of one tick, and which tick a moment belongs to."""

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from app.money import MILLIONTH

TICKS_A_DAY = 288
"""A tick pays a 288th of the daily rate, for there are 288 times five minutes in a day."""


def income(amount: Decimal, daily_rate: Decimal) -> Decimal:
    """Return what an amount earns in one tick, rounded down to six places."""
    return (amount * daily_rate / TICKS_A_DAY).quantize(MILLIONTH, ROUND_DOWN)


def tick_at(now: datetime, interval_s: float) -> int:
    """Return the number of the tick whose time is nearest to `now`, counted from 1970.

    The nearest, so that a run that is a little early or late, in whichever process, is of
    the tick that it was meant for.
    """
    return round(now.timestamp() / interval_s)
