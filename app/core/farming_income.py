"""What a farming deposit has earned, by the time that has passed: the calculation that stays.

The one that leaves with the migration, `shim.legacy.tick_income`, pays a 288th of the daily
rate whenever it is asked: a tick that is missed is never paid, and ticks that do not come every
five minutes pay too much or too little. This one pays for the time since the last payment.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from app.money import MILLIONTH

_MICROSECONDS_AN_HOUR = 3_600_000_000
_HOURS_A_DAY = 24
_EXACT = Context(prec=60)
"""Digits enough for the largest amount over a century: nothing is rounded but the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Farmed:
    """A deposit, and the time to pay for: from the last update to the tick that pays.

    `daily_rate` is the fraction of `amount` earned in a day; both moments are aware.
    """

    user_id: int
    amount: Decimal
    daily_rate: Decimal
    since: datetime
    until: datetime


def accrued_income(farmed: Farmed) -> Decimal:
    """Return the hourly rate times the hours since the last update, to the nearest millionth.

    Half a millionth is rounded up; time that runs backwards earns nothing.
    """
    elapsed = max(farmed.until - farmed.since, timedelta(0)) // timedelta(microseconds=1)
    with localcontext(_EXACT):
        # One division, at the end: an hourly rate that is rounded first is wrong by then.
        earned = farmed.amount * farmed.daily_rate * elapsed
        return (earned / (_HOURS_A_DAY * _MICROSECONDS_AN_HOUR)).quantize(MILLIONTH, ROUND_HALF_UP)
