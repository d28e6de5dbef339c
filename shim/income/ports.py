"""What the migration of the farming income needs from the system around it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol


class Farmed(Protocol):
    """A deposit, and the time to pay for. An instance is never changed."""

    @property
    def user_id(self) -> int:
        """Whose deposit it is."""

    @property
    def amount(self) -> Decimal:
        """The UNI that are farmed with."""

    @property
    def daily_rate(self) -> Decimal:
        """The fraction of it that is earned in a day."""

    @property
    def since(self) -> datetime:
        """When it was paid last."""

    @property
    def until(self) -> datetime:
        """The tick that pays."""


Calculation = Callable[[Any], Decimal]
"""Returns what a `Farmed` has earned, in UNI, with six decimals."""
