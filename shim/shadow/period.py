"""Under which stage and epoch an episode was served: what its counts belong to."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

END_OF_DRILL = "end of the drill: "
"""Begins the reason with which a drill lets go: such an epoch is no resume."""
_START = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """A stage at an epoch of the kill switch. Two with the same of both are the same.

    `begun` is when the epoch began (aware, UTC). `resumed` is whether a person let go then; so
    it is before the first rollback, too. Evidence is judged from the newest such epoch on.
    """

    stage: str = ""
    epoch: int = 0
    begun: datetime = field(default=_START, compare=False)
    resumed: bool = field(default=True, compare=False)


UNKNOWN = Period()
"""That of a call whose decision says none."""


def period_of(decision: object) -> Period:
    """Return the period that a call's decision names."""
    found = getattr(decision, "period", UNKNOWN)
    return found if isinstance(found, Period) else UNKNOWN
