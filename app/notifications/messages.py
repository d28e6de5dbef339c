"""The wire: JSON text frames as browsers speak them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class BalanceFrame:
    """The canonical state of one user for one connection, before it is put into words.

    `since` is the version that the connection had before, None if it had none;
    `version` the one it has after. Amounts have at most six decimals.
    """

    user_id: int
    version: int
    since: int | None
    uni: Decimal
    ton: Decimal
    change_uni: Decimal
    change_ton: Decimal
    sources: tuple[str, ...]
    at: datetime
