"""The lines of the shadow log as the report reads them, a block at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from flags.decision import BALANCE_NOTIFICATIONS
from shim.shadow.publisher import FORMAT
from shim.shadow.result import Comparison, Outcome

Count = Annotated[int, msgspec.Meta(ge=0)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Version = Literal[1]
FIRST_MIGRATION = BALANCE_NOTIFICATIONS.migration
"""Whose a line is that names none: there was no other before there was the field."""

_FEW = 32
"""Lines from which on it is faster to look at each than to halve them once more."""


class Numbers(msgspec.Struct, frozen=True):
    """One comparison's numbers."""

    compared: Count
    matched: Count
    known: Count
    mismatched: Count
    reasons: dict[str, Count]


class CountsLine(msgspec.Struct, frozen=True, tag_field="event", tag="shadow_counts"):
    """`shadow_counts`: every denominator of one process in one period since its start.

    A period is a stage at an `epoch` of the kill switch, which began at `epoch_begun`, with a
    resume if it is `resumed`. `started` is when the process started, in unix seconds: a pid is used
    again. `latency` holds for each side how many calls stayed below so many microseconds, by class;
    `activity` for each class of users what was sampled, dropped, compared and left out. `noise` are
    the numbers of legacy compared with itself.
    """

    v: Version
    host: str
    worker: int
    started: float
    at: Moment
    stage: str
    calls: Count
    episodes: Count
    forced: Count
    stale_legacy: Count
    dropped: dict[str, Count]
    routed: dict[str, dict[str, Count]]
    comparisons: dict[Comparison, Numbers]
    latency: dict[str, dict[int, Count]] = {}
    noise: dict[Comparison, Numbers] = {}
    activity: dict[str, dict[str, Count]] = {}
    migration: str = FIRST_MIGRATION
    epoch: int = 0
    epoch_begun: Moment | None = None
    resumed: bool = True

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class DifferenceField(msgspec.Struct, frozen=True, gc=False):
    """Where two structures differ, and how."""

    path: str
    kind: str


class CallField(msgspec.Struct, frozen=True, gc=False):
    """Who called."""

    caller: str

    @property
    def module(self) -> str:
        """The module that the caller lies in, without its function."""
        return self.caller.partition(".")[0]


class DivergenceLine(msgspec.Struct, frozen=True, gc=False, tag_field="event", tag="divergence"):
    """`divergence`: one comparison of one episode that found a difference."""

    v: Version
    host: str
    worker: int
    started: float
    at: Moment
    fingerprint: str
    comparison: Comparison
    outcome: Outcome
    known: str | None
    calls: tuple[CallField, ...]
    differences: tuple[DifferenceField, ...]
    migration: str = FIRST_MIGRATION
    epoch: int | None = None
    stage: str = ""

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class GroupCount(msgspec.Struct, frozen=True, gc=False):
    """How many divergences of one group a process had since its start; `known` may be empty.

    They are those of one epoch.
    """

    comparison: Comparison
    fingerprint: str
    known: str
    count: Count
    epoch: int = 0


class DivergenceCountsLine(msgspec.Struct, frozen=True, tag_field="event", tag="divergence_counts"):
    """`divergence_counts`: groups of which only the first `lines` divergences were logged."""

    v: Version
    host: str
    worker: int
    started: float
    at: Moment
    lines: Count
    groups: tuple[GroupCount, ...]
    migration: str = FIRST_MIGRATION

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class OtherLine(msgspec.Struct, frozen=True):
    """Any other event."""

    v: object
    event: str


class _AnyLine(msgspec.Struct, frozen=True):
    event: str
    v: object = None


Line = CountsLine | DivergenceLine | DivergenceCountsLine


@dataclass(slots=True)
class Block:
    """What stands in some lines of a log, in their order."""

    lines: int
    read: Sequence[Line]
    damaged: int = 0
    other_version: int = 0


_KNOWN: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
_ANY = msgspec.json.Decoder(_AnyLine)
_TAGS = frozenset({"shadow_counts", "divergence", "divergence_counts"})


def read_block(data: bytes) -> Block:
    """Read whole lines, each with its line feed but perhaps the last; never raises."""
    if data and not data.endswith(b"\n"):
        data += b"\n"
    count = data.count(b"\n")
    lines = _all_known(data, count)
    if lines is not None:
        return Block(count, lines)
    if count <= _FEW:
        return _one_by_one(data)
    middle = data.index(b"\n", len(data) // 2) + 1
    if middle == len(data):  # the last line is more than half of it
        middle = data.rindex(b"\n", 0, -1) + 1
    first, second = read_block(data[:middle]), read_block(data[middle:])
    return Block(
        count,
        [*first.read, *second.read],
        first.damaged + second.damaged,
        first.other_version + second.other_version,
    )


def _all_known(data: bytes, count: int) -> Sequence[Line] | None:
    """Return all lines at once, None if one of them needs to be looked at."""
    try:
        if not data.isascii():
            data.decode()  # fields that are passed over are not checked otherwise
        lines = _KNOWN.decode_lines(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    # A line may hold two objects, or one object lie on two lines.
    return lines if len(lines) == count else None


def _one_by_one(data: bytes) -> Block:
    block = Block(data.count(b"\n"), found := [])
    for line in data.split(b"\n")[:-1]:
        match parse_line(line):
            case None:
                block.damaged += 1
            case OtherLine(v=version) if version != FORMAT:
                block.other_version += 1
            case OtherLine():
                pass
            case known:
                found.append(known)
    return block


def parse_line(line: bytes) -> Line | OtherLine | None:
    """Return what a line of the log says, None for one that is damaged.

    One of another version is told by its event and its `v` alone.
    """
    try:
        line.decode()
        seen = _ANY.decode(line)
        if seen.event in _TAGS and seen.v == FORMAT:
            return _KNOWN.decode(line)
        return OtherLine(seen.v, seen.event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
