"""The lines of the shadow log that the report reads, checked field by field."""

from datetime import datetime
from typing import Annotated

import msgspec

from shim.shadow.result import Comparison, Outcome

Count = Annotated[int, msgspec.Meta(ge=0)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Numbers(msgspec.Struct, frozen=True):
    """One comparison's numbers."""

    compared: Count
    matched: Count
    known: Count
    mismatched: Count
    reasons: dict[str, Count]


class CountsLine(msgspec.Struct, frozen=True):
    """`shadow_counts`: every denominator of one process since its start.

    `started` is when the process started, in unix seconds: a pid is used again.
    """

    host: str
    worker: int
    started: float
    at: Moment
    calls: Count
    episodes: Count
    forced: Count
    stale_legacy: Count
    dropped: dict[str, Count]
    routed: dict[str, dict[str, Count]]
    comparisons: dict[Comparison, Numbers]

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class DifferenceField(msgspec.Struct, frozen=True):
    """Where two structures differ, and how."""

    path: str
    kind: str


class DivergenceLine(msgspec.Struct, frozen=True):
    """`divergence`: one comparison of one episode that found a difference."""

    host: str
    worker: int
    started: float
    at: Moment
    fingerprint: str
    comparison: Comparison
    outcome: Outcome
    known: str | None
    differences: list[DifferenceField]

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class GroupCount(msgspec.Struct, frozen=True):
    """How many divergences of one group a process had since its start; `known` may be empty."""

    comparison: Comparison
    fingerprint: str
    known: str
    count: Count


class DivergenceCountsLine(msgspec.Struct, frozen=True):
    """`divergence_counts`: groups of which only the first divergences were logged."""

    host: str
    worker: int
    started: float
    at: Moment
    groups: list[GroupCount]

    @property
    def process(self) -> tuple[str, int, float]:
        """Which process wrote it."""
        return self.host, self.worker, self.started


class OtherLine(msgspec.Struct, frozen=True):
    """Any other event."""

    event: str


_KINDS: dict[str, type[CountsLine] | type[DivergenceLine] | type[DivergenceCountsLine]] = {
    "shadow_counts": CountsLine,
    "divergence": DivergenceLine,
    "divergence_counts": DivergenceCountsLine,
}


def parse_line(
    text: str,
) -> CountsLine | DivergenceLine | DivergenceCountsLine | OtherLine | None:
    """Return what a line of the log says, None for one that is damaged."""
    try:
        line = msgspec.json.decode(text, type=OtherLine)
        kind = _KINDS.get(line.event)
        return line if kind is None else msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
