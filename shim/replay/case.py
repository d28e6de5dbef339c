"""A case: everything that an episode's two sides were shown, so that it can be run again.

This is what all cases have. A migration derives its own, with what a shadow of it must see.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from flags.decision import BALANCE_NOTIFICATIONS
from shim.log_records import DifferenceRecord
from shim.shadow.publisher import ENCODER
from shim.shadow.result import Comparison, Outcome

VERSION = 1
STAND_IN = 1
"""The user id that stands in for a real one in what is saved,"""
SOMEBODY_ELSE = 2
"""and the one for any other user's that a side spoke of."""

Seconds = float
"""Count from the episode's first call."""
Id = Annotated[int, msgspec.Meta(ge=0)]


class CaseError(Exception):
    """A case cannot be read, built or run: the message says which, why and what to do."""


class Source(StrEnum):
    """What a case was made from."""

    RECORD = "record"
    """Everything was kept when it happened."""
    LOG = "log"
    """A line of the shadow log, which lacks some of it: see `lacks`."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has these fields and no other: a case of another making is refused, not misread."""


class CallCase(Part, frozen=True):
    """One call."""

    started: Seconds
    path: str
    caller: str


class Expected(Part, frozen=True):
    """What a run of the case is expected to find in one comparison."""

    outcome: Outcome
    fingerprint: str | None = None
    reason: str | None = None


class Case(Part, frozen=True, kw_only=True):
    """One divergence with all its inputs. `expected` is there in what was saved as a test."""

    replay: Literal[1] = 1
    migration: str
    source: Source
    recorded_at: datetime
    user: Id
    stand_in: bool
    serving: str
    control: str
    candidate: str
    comparison: Comparison
    fingerprint: str
    known: str | None
    differences: tuple[DifferenceRecord, ...]
    calls: Annotated[tuple[CallCase, ...], msgspec.Meta(min_length=1)]
    lacks: tuple[str, ...] = ()
    expected: dict[Comparison, Expected] | None = None


class _Head(msgspec.Struct, frozen=True):
    """A case that names no migration is of the first one there was, balance notifications."""

    replay: Any = None
    migration: str = BALANCE_NOTIFICATIONS.migration


_HEAD = msgspec.json.Decoder(_Head)
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
AnyCase = TypeVar("AnyCase", bound=Case)


def encode(case: Case) -> bytes:
    """Return a case as JSON."""
    return ENCODER.encode(case)


def decode(data: bytes | str, form: type[AnyCase], *, name: str) -> AnyCase:
    """Read a case of one migration; `name` is what a message calls it. Raises CaseError."""
    try:
        return msgspec.json.decode(data, type=form)
    except _UNREADABLE as error:
        raise _unreadable(name, error) from error


def migration_of(data: bytes | str, *, name: str) -> str:
    """Return which migration a case is of. Raises CaseError for what is none of this version."""
    try:
        head = _HEAD.decode(data)
    except _UNREADABLE as error:
        raise _unreadable(name, error) from error
    if head.replay is None:
        raise CaseError(f"{name} is no case: it has no 'replay' with a version; see --save")
    if head.replay != VERSION:
        raise CaseError(
            f"{name} is a case of version {str(head.replay)[:50]!r}, this is {VERSION}: run it"
            " with the release that wrote it"
        )
    return head.migration


def _unreadable(name: str, error: Exception) -> CaseError:
    return CaseError(f"{name} cannot be read as a case: {str(error)[:300]}")
