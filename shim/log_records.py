"""What a divergence is in the shadow log, field by field; the log's JSON Schema follows from it."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from flags.decision import BALANCE_NOTIFICATIONS
from shim.shadow.differences import DifferenceKind
from shim.shadow.result import Comparison, Outcome

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Duration = Annotated[float, msgspec.Meta(ge=0)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has these fields and no other: whatever is added is thought of here first."""


class DecisionRecord(_Part, frozen=True):
    """Why the user was served as it was."""

    value: bool
    reason: str
    source: str
    bucket: int | None
    flag_version: int | None
    stale: bool
    age_s: float | None
    """Seconds since the flags were last found to be what their source holds."""


class CallRecord(_Part, frozen=True):
    """One call: the path that it took, and module and function of who made it."""

    path: str
    caller: str


class DifferenceRecord(_Part, frozen=True):
    """Where two structures differ, how, and both values, user ids replaced."""

    path: str
    kind: DifferenceKind
    expected: Any
    actual: Any


class OutcomeRecord(_Part, frozen=True):
    """What one side answered to a call."""

    value: str | None
    raised: str | None
    milliseconds: Duration


class EffectRecord(_Part, frozen=True, omit_defaults=True):
    """What one side sent, and on which connection of the user, or whom it named on the bus."""

    side: str
    to: str
    message: Any = None
    published: str | int | None = None


class ObservationRecord(_Part, frozen=True):
    """One side's run of the episode."""

    side: str
    live: bool
    settled: bool
    calls: tuple[OutcomeRecord, ...]
    effects: tuple[EffectRecord, ...]


class Divergence(
    _Part, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="divergence"
):
    """One comparison of one episode that found a difference, known ones included.

    A line that names no `migration` is of the first one there was, balance notifications.

    `number` is how many of its kind this process had, 0 if that is not known. `user` is a keyed
    hash, or the id where the operator asks for it.
    """

    migration: str = BALANCE_NOTIFICATIONS.migration
    at: Moment
    stage: str
    comparison: Comparison
    outcome: Outcome
    known: str | None
    fingerprint: str
    number: Annotated[int, msgspec.Meta(ge=0)]
    user: str | int
    serving: str
    decision: DecisionRecord | None
    rolled_back: bool | None = None
    epoch: int | None = None
    calls: tuple[CallRecord, ...]
    seconds: Duration
    differences: tuple[DifferenceRecord, ...]
    observations: tuple[ObservationRecord, ...] = ()
