"""What callers of the connection-aware service hand over."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class BalanceUpdate:
    """One change of a user's balance, as its caller sees it.

    Both balances are the caller's own idea of them after the change, which may be
    stale. `currency` is "UNI" or "TON"; `timestamp` is aware, or ISO-8601 text.
    """

    user_id: int
    balance_uni: Decimal | float
    balance_ton: Decimal | float
    change_amount: Decimal | float
    currency: str
    source: str
    timestamp: datetime | str
