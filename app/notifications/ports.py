"""What the canonical notifications need from outside, as protocols, and the data that crosses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from app.notifications.messages import BalanceFrame


@dataclass(frozen=True, slots=True)
class BalanceHint:
    """The canonical service's one input: this user's balance may have changed."""

    user_id: int


@dataclass(frozen=True, slots=True)
class BookedTransaction:
    """One booked transaction: the version it produced and both balances after it."""

    version: int
    currency: str
    amount: Decimal
    source: str
    uni_after: Decimal
    ton_after: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserTruth:
    """A user's balance as the database has it, and the transactions newer than asked for.

    `transactions` are ordered by version, oldest first.
    """

    user_id: int
    version: int
    uni: Decimal
    ton: Decimal
    transactions: tuple[BookedTransaction, ...]


class TruthReader(Protocol):
    """Reads balances and transactions, never through a cache."""

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Return the truth of each user that exists, in one consistent read.

        `since` maps a user id to the version after which transactions are wanted; None
        wants the balance alone. `timeout` is in seconds. Raises `TruthUnavailable`.
        """

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose stored balances equal these, None if there is none."""


class TruthUnavailable(Exception):
    """The database could not be read (in time): the message says which and why."""


class TimerHandle(Protocol):
    """A callback that was scheduled."""

    def cancel(self) -> None:
        """Do not call it any more; nothing happens if it was called already."""


class Clock(Protocol):
    """Time and timers, real or virtual."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def utc_now(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` after `delay` seconds on the clock's own thread."""


class Connection(Protocol):
    """One open socket of a browser, as services see it."""

    @property
    def id(self) -> str:
        """Unique in the process."""

    @property
    def is_open(self) -> bool:
        """Whether a frame may still be handed over."""

    base_version: int | None
    """The version that the canonical last handed to this connection; None before the first."""

    overheard: str | None
    """The newest balance frame that another service put on this socket since `base_version`."""

    settled: str | None
    """The overheard frame of which it is known that it shows what `base_version` does."""

    known: int | None
    """The version that a page shows that is new here; None if nobody knows."""

    @property
    def comes_back(self) -> bool:
        """Whether the socket ended and the page goes on: it will be back on another socket."""

    def send(self, text: str) -> None:
        """Hand over one text frame; frames keep count and order. Raises ConnectionError."""

    def offer(self, frame: BalanceFrame) -> None:
        """Hand over canonical state, which coalesces with what has not been begun."""

    def release(self) -> None:
        """Let canonical state leave without the distance that it keeps from the frame before."""

    def withdraw(self, within: float = 0.0) -> None:
        """Take back canonical state whose frame was not begun `within` so many seconds.

        `base_version` goes back with it. Returns as soon as there is nothing to take back.
        """


class Departures(Protocol):
    """Remembers what pages showed whose socket ended."""

    def add(self, user_id: int, version: int) -> None:
        """Remember what a page showed when its socket ended; never waits."""

    def take(self, users: Mapping[int, int]) -> dict[int, list[int]]:
        """Return what pages of these users showed that may be back now, and forget it.

        `users` maps a user to how many pages came. Of more than came, those that showed the
        oldest versions: none may lack anything. Raises `TruthUnavailable`.
        """


Serves = Callable[[int], bool]
"""Whether the canonical serves this user at this moment."""
