"""A case of balance notifications: calls, connections, what was sent, what the database held.

Amounts are text where a caller passed a Decimal and numbers where it passed a binary float, for
the legacy takes the two differently.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from shim.balance.life.events import Life
from shim.replay.case import CallCase, Case, Part, Seconds
from shim.sides import Path, Side

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""When something was booked of which that is not known."""

Amount = str | float


class UpdateArgument(Part, frozen=True, tag_field="kind", tag="update"):
    """An update, as a caller of the connection-aware path hands it over."""

    user_id: int | str
    balance_uni: Amount
    balance_ton: Amount
    change_amount: Amount
    currency: str
    source: str
    timestamp: str


class UserArgument(Part, frozen=True, tag_field="kind", tag="user"):
    """A user id, as a caller of the user-id-only path hands it over."""

    user_id: int | str


Argument = UpdateArgument | UserArgument


class CachedBalance(Part, frozen=True):
    """What the balance manager's cache held."""

    uni: Amount
    ton: Amount


class ConnectionRecord(Part, frozen=True):
    """A connection as it was; `base_version` is the version that its page showed."""

    id: str
    path: Path
    is_open: bool
    failed: bool
    base_version: int | None


class BalanceCall(CallCase, frozen=True):
    """One call, and what a shadow must see as it was; `corrected` is the counterfactual's."""

    path: Path
    argument: Argument
    corrected: Argument
    cached: CachedBalance | None
    connections: tuple[ConnectionRecord, ...]


class FrameRecord(Part, frozen=True):
    """Canonical state that was sent."""

    user_id: int
    version: int
    since: int | None
    uni: Decimal
    ton: Decimal
    change_uni: Decimal
    change_ton: Decimal
    sources: tuple[str, ...]


class SentRecord(Part, frozen=True):
    """What the side in charge sent: a text or a frame, and what the page had been given before."""

    at: Seconds
    side: Side
    to: str
    text: str | None = None
    frame: FrameRecord | None = None
    base_version: int | None = None
    overheard: str | None = None


class BookedRecord(Part, frozen=True):
    """One transaction."""

    version: int
    currency: str
    amount: Decimal
    source: str
    uni_after: Decimal
    ton_after: Decimal
    created_at: datetime = LONG_AGO


class LookRecord(Part, frozen=True):
    """What the database held when it was asked; no `version` means that it knew no such user.

    `since` is the version that the transactions reach back to, None if none were asked for.
    """

    at: Seconds
    since: int | None
    version: int | None
    uni: Decimal | None = None
    ton: Decimal | None = None


class PlaceRecord(Part, frozen=True):
    """At which version the database found these balances."""

    uni: Decimal
    ton: Decimal
    version: int | None


class BalanceCase(Case, frozen=True, kw_only=True):
    """One divergence with all its inputs."""

    migration: Literal["balance-notifications"] = "balance-notifications"
    serving: Side
    calls: Annotated[tuple[BalanceCall, ...], msgspec.Meta(min_length=1)]
    sent: tuple[SentRecord, ...]
    looks: tuple[LookRecord, ...]
    transactions: tuple[BookedRecord, ...]
    places: tuple[PlaceRecord, ...]
    connections_after: tuple[ConnectionRecord, ...]
    life: Life | None = None
    """The life that followed the episode, if what differs was seen in it."""
