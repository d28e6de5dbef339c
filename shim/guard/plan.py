"""When a step of the ramp has been stood long enough: which number is missing, and by how much.

A pure function of counts. It says what a person may do; nothing here moves anybody.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shim.guard.ruling import Ruling, State


@dataclass(frozen=True, slots=True)
class Criteria:
    """What each step needs: a least time, and a least number of compared calls per caller."""

    seconds: float
    calls: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the rollout is: at which percentage, for how many seconds, and what was compared.

    `compared` holds, for every caller known at all, what was compared since the step began.
    """

    percentage: int
    seconds: float
    compared: Mapping[str, int]
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Missing:
    """One criterion that is not met. `ready_in` in seconds at the present rate, None if never."""

    what: str
    have: float
    need: float
    unit: str
    ready_in: float | None

    def __str__(self) -> str:
        """Return what is missing and by how much, as a person reads it."""
        lacking = f"{self.what}: {self.have:,.0f} of {self.need:,.0f} {self.unit}".rstrip()
        return f"{lacking}, {self.need - self.have:,.0f} more"


def missing(standing: Standing, criteria: Criteria) -> tuple[Missing, ...]:
    """Return the numbers that keep a rollout from its next step; none: it may go on.

    A rollout in which no caller was ever seen has shown nothing, whatever time it took.
    """
    lacking = []
    if standing.seconds < criteria.seconds:
        left = criteria.seconds - standing.seconds
        lacking.append(Missing("time", standing.seconds, criteria.seconds, "s", left))
    callers = standing.compared or {"any caller": 0}
    for caller, compared in sorted(callers.items()):
        if compared < criteria.calls:
            lacking.append(
                Missing(
                    caller,
                    compared,
                    criteria.calls,
                    "compared",
                    _ready_in(compared, criteria.calls, standing.seconds),
                )
            )
    return tuple(lacking)


def objection(ruling: Ruling) -> str | None:
    """Return why the guard's ruling keeps a rollout from its next step, None if it does not."""
    if ruling.state is State.HEALTHY:
        return None
    return f"the guard says {ruling.state}: {ruling.message}"


def _ready_in(have: int, need: int, seconds: float) -> float | None:
    if have <= 0 or seconds <= 0:
        return None
    return (need - have) * seconds / have
