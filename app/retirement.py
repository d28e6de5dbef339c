"""Whether legacy may be removed, as far as counts can tell: names what is in the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.known_files import not_meant_to_stay
from app.parts import Parts
from app.ramp import plan_of
from app.rollout import current_stage
from flags.stage import Stage, is_verified
from shim.guard.plan import objection


@dataclass(frozen=True, slots=True)
class Retirement:
    """What is in the way, and how much was compared of each caller, since the step began.

    Whoever is called here calls by an old path, and has to be changed when that is removed.
    """

    migration: str
    percentage: int
    obstacles: tuple[str, ...]
    callers: Mapping[str, int]


def retirement_of(parts: Parts) -> Retirement:
    """Look at stage, shadow, guard, the last step of the ramp, and what is known."""
    stage, plan = current_stage(parts), plan_of(parts)
    shadow = parts.provider.state.definition(parts.pair.shadow)
    obstacles: list[str | None] = []
    if stage is not Stage.COMPLETE:
        obstacles.append(f"the stage is {stage}: canonical does not serve everybody")
    elif not is_verified(stage, shadow):
        obstacles.append("the shadow is at 0 %: nothing is compared")
    else:
        obstacles += [str(each) for each in plan.missing]
    obstacles += [objection(plan.standing.ruling), not_meant_to_stay(parts.known)]
    return Retirement(
        parts.pair.migration,
        plan.standing.percentage,
        tuple(each for each in obstacles if each),
        plan.standing.compared,
    )


def retirement_json(found: Retirement) -> dict[str, Any]:
    """Return it in JSON's types."""
    return {
        "migration": found.migration,
        "may_be_removed": not found.obstacles,
        "in_the_way": list(found.obstacles),
        "percentage": found.percentage,
        "callers": dict(found.callers),
    }


def retirement_lines(found: Retirement) -> list[str]:
    """Return the same for a person."""
    lines = [f"in the way  {each}" for each in found.obstacles]
    lines += [
        f"caller      {caller} calls by an old path: {compared:,} compared at {found.percentage} %"
        for caller, compared in sorted(found.callers.items())
    ]
    if found.obstacles:
        return [*lines, f"{found.migration}: legacy cannot be removed yet"]
    return [*lines, f"{found.migration}: nothing that is counted keeps legacy from being removed"]
