"""The ramp: the percentages at which a rollout stops to be looked at."""

from collections.abc import Sequence
from itertools import pairwise

RAMP = (1, 5, 10, 25, 50, 100)


class RampError(ValueError):
    """Steps that are no ramp: the message says why and what to give."""


def checked_steps(steps: Sequence[int]) -> tuple[int, ...]:
    """Return the steps of a ramp: whole, growing, and ending at 100. Raises RampError."""
    told = ",".join(map(str, steps)) or "empty"
    if not steps or any(not 1 <= step <= 100 for step in steps):
        raise RampError(f"the ramp {told} is none: give whole percentages from 1 to 100")
    if any(after <= before for before, after in pairwise(steps)):
        raise RampError(f"the ramp {told} does not grow: give each step above the one before it")
    if steps[-1] != 100:
        raise RampError(f"the ramp {told} ends at {steps[-1]} %: its last step is 100")
    return tuple(steps)


def next_step(percentage: int, steps: Sequence[int] = RAMP) -> int | None:
    """Return the first step above a percentage, None at 100."""
    return next((step for step in steps if step > percentage), None)
