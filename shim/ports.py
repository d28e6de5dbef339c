"""What the migration needs from the system around it, as protocols."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from shim.legacy.ports import Balance, TimerHandle


class Clock(Protocol):
    """Time and timers, real or virtual."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def utc_now(self) -> datetime:
        """Return the time of day, aware, in UTC."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> TimerHandle:
        """Call `callback` after `delay` seconds."""


class Frame(Protocol):
    """What the canonical hands to a connection: a user's balance at a version."""

    @property
    def user_id(self) -> int:
        """Whose balance it is."""

    @property
    def version(self) -> int:
        """The version that the connection has after it."""

    @property
    def since(self) -> int | None:
        """The version that the connection had before it."""

    @property
    def uni(self) -> Decimal:
        """The balance in UNI."""

    @property
    def ton(self) -> Decimal:
        """The balance in TON."""

    @property
    def change_uni(self) -> Decimal:
        """What came in or went out in UNI since `since`."""

    @property
    def change_ton(self) -> Decimal:
        """What came in or went out in TON since `since`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Why, in the order of the transactions, without repeats."""

    def text(self) -> str:
        """Return what the browser reads: the frame as the wire has it."""


class Connection(Protocol):
    """One open socket of a browser, as services see it."""

    base_version: int | None
    overheard: str | None
    settled: str | None
    known: int | None

    @property
    def comes_back(self) -> bool:
        """Whether the socket ended and the page goes on: it will be back on another socket."""

    @property
    def id(self) -> str:
        """Unique in the process."""

    @property
    def is_open(self) -> bool:
        """Whether a frame may still be handed over."""

    def send(self, text: str) -> None:
        """Hand over one text frame."""

    def offer(self, frame: Frame) -> None:
        """Hand over canonical state."""

    def release(self) -> None:
        """Let canonical state leave without the distance that it keeps from the frame before."""

    def withdraw(self, within: float = 0.0) -> None:
        """Take back canonical state that was not begun `within` so many seconds."""


class WatchedConnection(Connection, Protocol):
    """A connection as callers register it: it tells when what a snapshot holds has changed."""

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever `is_open` or `base_version` was changed, before that returns."""

    def unwatch(self, changed: Callable[[], None]) -> None:
        """Call it no more."""


class ConnectionStats(Protocol):
    """How many users have how many connections."""

    @property
    def users(self) -> int:
        """Users with a connection."""

    @property
    def connections(self) -> int:
        """Their connections."""


class CanonicalService(Protocol):
    """The connection-aware implementation that stays."""

    def register_connection(self, user_id: int, connection: Connection) -> None:
        """Add a connection of this user."""

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Take it away."""

    def notify_balance_update(self, hint: Any) -> object:
        """Hear that a user's balance may have changed."""

    def look_again(self, users: Iterable[int]) -> None:
        """Hear of users of whom no caller spoke here, from the bus or a sweep."""

    def send_custom_message(self, user_id: int, type: str, data: object) -> None:  # noqa: A002
        """Send a message of the caller's own type."""

    def flush_pending_updates(self) -> None:
        """Close every window now."""

    def relinquish(self, lost: Callable[[int], bool], *, read_timeout: float = 0.05) -> None:
        """Finish for the users for whom `lost` is true; begin no frame for them afterwards."""

    def is_pending(self, user_id: int) -> bool:
        """Whether a window of this user is open or being sent."""

    def get_connection_stats(self) -> ConnectionStats:
        """Return the counts."""


class Booked(Protocol):
    """One booked transaction: the version it produced and both balances after it."""

    @property
    def version(self) -> int:
        """The version that it produced."""

    @property
    def currency(self) -> str:
        """UNI or TON."""

    @property
    def amount(self) -> Decimal:
        """What came in, or went out if negative."""

    @property
    def source(self) -> str:
        """Why."""

    @property
    def uni_after(self) -> Decimal:
        """The balance in UNI after it."""

    @property
    def ton_after(self) -> Decimal:
        """The balance in TON after it."""


class Truth(Protocol):
    """A user's balance as the database has it, with the transactions asked for."""

    @property
    def version(self) -> int:
        """The newest version."""

    @property
    def uni(self) -> Decimal:
        """The balance in UNI."""

    @property
    def ton(self) -> Decimal:
        """The balance in TON."""

    @property
    def transactions(self) -> Sequence[Booked]:
        """Ordered by version, oldest first."""


class TruthReader(Protocol):
    """Reads the database on a connection that cannot write."""

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> Mapping[int, Truth]:
        """Return the truth of each user that exists, with transactions after the version given."""

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the newest version whose stored balances equal these."""


class KeptBalance(Protocol):
    """A balance in the manager's cache; it never changes."""

    @property
    def balance(self) -> Balance:
        """The balance."""

    @property
    def until(self) -> float:
        """From when on it answers no more, in seconds on the process's monotonic clock."""


class BalanceManager(Protocol):
    """The system's balance manager, as far as the migration looks into it."""

    on_balance_update: Callable[[int], None] | None
    on_replaced: Callable[[int, Any], None] | None
    """Called with a user and what is kept of it, just before that is replaced."""

    @property
    def kept(self) -> Callable[[int], KeptBalance | None]:
        """Return what is kept of a user, run out or not; costs a lookup and fills nothing."""

    def get_user_balance(self, user_id: int) -> Balance:
        """Return the balance, from its cache or the database."""


class Bus(Protocol):
    """What the canonical tells other workers by."""

    def publish(self, user_id: int) -> None:
        """Tell them that this user's balance may have changed."""

    def pass_on(self, user_id: int, text: str) -> None:
        """Have them send this text to the user's connections."""


Serves = Callable[[int], bool]
"""Whether the canonical serves this user at this moment."""

NewCanonical = Callable[[Clock, TruthReader, Bus, Serves], CanonicalService]
"""Builds a canonical service for a shadow: a virtual clock, a read-only truth, a bus to nobody."""

NewHint = Callable[[int], object]
"""Builds the canonical's own input type for a user."""

Unavailable = Callable[[str], Exception]
"""Builds what a `TruthReader` raises where the database cannot be read, from what it says."""
