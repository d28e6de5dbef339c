"""What the two legacy services need from outside."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Protocol


class Connection(Protocol):
    """One socket of a browser; services tell connections apart by identity."""

    @property
    def is_open(self) -> bool:
        """Whether the socket is open."""

    def send(self, text: str) -> None:
        """Hand over one text frame; raises if the socket is broken."""


class TimerHandle(Protocol):
    """A callback that was scheduled."""

    def cancel(self) -> None:
        """Do not call it any more."""


class Clock(Protocol):
    """The time of day, and timers."""

    def utc_now(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` after `delay` seconds."""


class Balance(Protocol):
    """What the balance manager answers."""

    @property
    def uni(self) -> Decimal | float:
        """The balance in UNI."""

    @property
    def ton(self) -> Decimal | float:
        """The balance in TON."""


class BalanceManager(Protocol):
    """The balance manager, with its one hook."""

    on_balance_update: Callable[[int], None] | None

    def get_user_balance(self, user_id: int) -> Balance:
        """Return the balance, from its cache or the database; raises if it cannot be read."""
