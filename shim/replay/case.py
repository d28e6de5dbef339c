"""A case: everything that an episode's two sides were shown, so that it can be run again.

Seconds count from the episode's first call. Amounts are text where a caller passed a Decimal
and numbers where it passed a binary float, for the legacy takes the two differently.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from shim.log_records import DifferenceRecord
from shim.shadow.publisher import ENCODER
from shim.shadow.result import Comparison, Outcome
from shim.sides import Path, Side

VERSION = 1
STAND_IN = 1
"""The user id that stands in for a real one in what is saved,"""
SOMEBODY_ELSE = 2
"""and the one for any other user's that a side spoke of."""

Seconds = float
Id = Annotated[int, msgspec.Meta(ge=0)]
Amount = str | float


class CaseError(Exception):
    """A case cannot be read, built or run: the message says which, why and what to do."""


class Source(StrEnum):
    """What a case was made from."""

    RECORD = "record"
    """Everything was kept when it happened."""
    LOG = "log"
    """A line of the shadow log, which lacks some of it: see `lacks`."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has these fields and no other: a case of another making is refused, not misread."""


class UpdateArgument(_Part, frozen=True, tag_field="kind", tag="update"):
    """An update, as a caller of the connection-aware path hands it over."""

    user_id: int | str
    balance_uni: Amount
    balance_ton: Amount
    change_amount: Amount
    currency: str
    source: str
    timestamp: str


class UserArgument(_Part, frozen=True, tag_field="kind", tag="user"):
    """A user id, as a caller of the user-id-only path hands it over."""

    user_id: int | str


Argument = UpdateArgument | UserArgument


class CachedBalance(_Part, frozen=True):
    """What the balance manager's cache held."""

    uni: Amount
    ton: Amount


class ConnectionRecord(_Part, frozen=True):
    """A connection as it was; `base_version` is the version that its page showed."""

    id: str
    path: Path
    is_open: bool
    failed: bool
    base_version: int | None


class CallCase(_Part, frozen=True):
    """One call, and what a shadow must see as it was; `corrected` is the counterfactual's."""

    started: Seconds
    path: Path
    caller: str
    argument: Argument
    corrected: Argument
    cached: CachedBalance | None
    connections: tuple[ConnectionRecord, ...]


class FrameRecord(_Part, frozen=True):
    """Canonical state that was sent."""

    user_id: int
    version: int
    since: int | None
    uni: Decimal
    ton: Decimal
    change_uni: Decimal
    change_ton: Decimal
    sources: tuple[str, ...]


class SentRecord(_Part, frozen=True):
    """What the side in charge sent: a text or a frame, and what the page had been given before."""

    at: Seconds
    side: Side
    to: str
    text: str | None = None
    frame: FrameRecord | None = None
    base_version: int | None = None
    overheard: str | None = None


class BookedRecord(_Part, frozen=True):
    """One transaction."""

    version: int
    currency: str
    amount: Decimal
    source: str
    uni_after: Decimal
    ton_after: Decimal
    created_at: datetime | None = None


class LookRecord(_Part, frozen=True):
    """What the database held when it was asked; no `version` means that it knew no such user.

    `since` is the version that the transactions reach back to, None if none were asked for.
    """

    at: Seconds
    since: int | None
    version: int | None
    uni: Decimal | None = None
    ton: Decimal | None = None


class PlaceRecord(_Part, frozen=True):
    """At which version the database found these balances."""

    uni: Decimal
    ton: Decimal
    version: int | None


class Expected(_Part, frozen=True):
    """What a run of the case is expected to find in one comparison."""

    outcome: Outcome
    fingerprint: str | None = None
    reason: str | None = None


class Case(_Part, frozen=True, kw_only=True):
    """One divergence with all its inputs. `expected` is there in what was saved as a test."""

    replay: Literal[1] = 1
    source: Source
    recorded_at: datetime
    user: Id
    stand_in: bool
    serving: Side
    control: str
    candidate: str
    comparison: Comparison
    fingerprint: str
    known: str | None
    differences: tuple[DifferenceRecord, ...]
    calls: Annotated[tuple[CallCase, ...], msgspec.Meta(min_length=1)]
    sent: tuple[SentRecord, ...]
    looks: tuple[LookRecord, ...]
    transactions: tuple[BookedRecord, ...]
    places: tuple[PlaceRecord, ...]
    connections_after: tuple[ConnectionRecord, ...]
    lacks: tuple[str, ...] = ()
    expected: dict[Comparison, Expected] | None = None


class _Version(msgspec.Struct, frozen=True):
    replay: Any = None


_DECODER = msgspec.json.Decoder(Case)
_VERSION = msgspec.json.Decoder(_Version)


def encode(case: Case) -> bytes:
    """Return a case as JSON."""
    return ENCODER.encode(case)


def decode(data: bytes | str, *, name: str) -> Case:
    """Read a case; `name` is what a message calls it. Raises CaseError."""
    try:
        version = _VERSION.decode(data).replay
        if version is None:
            raise CaseError(f"{name} is no case: it has no 'replay' with a version; see --save")
        if version != VERSION:
            raise CaseError(
                f"{name} is a case of version {str(version)[:50]!r}, this is {VERSION}: run it"
                " with the release that wrote it"
            )
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CaseError(f"{name} cannot be read as a case: {str(error)[:300]}") from error
