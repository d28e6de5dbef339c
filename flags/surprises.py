"""What a change of the rollout that nobody announced may do, and what waits for a person.

Only raises wait, past the next step of the ramp. A lower percentage, a flag that is off and one
that is archived move users back to legacy, and that is never held back.
"""

from collections.abc import Sequence

from flags.definition import FlagDefinition
from flags.ramp import RAMP, next_step


def surprise(
    before: FlagDefinition,
    after: FlagDefinition,
    *,
    authorised: FlagDefinition | None,
    steps: Sequence[int] = RAMP,
) -> str | None:
    """Return why `after` waits for a person, None if it may be followed at once.

    `before` is what is followed now, `authorised` what an operator of ours wants, `steps` the
    ramp.
    """
    reached = _percentage(after)
    if authorised is not None and _is_within(after, authorised):
        return None
    start = _percentage(before) if before.group_id == after.group_id else 0
    if reached <= start:
        return None
    step = next_step(start, steps)
    if step is None or reached <= step:
        return None
    if before.group_id != after.group_id and _percentage(before):
        return (
            f"its groupId changed from {before.group_id!a} to {after.group_id!a}, so that its"
            f" {reached} % are other users than before"
        )
    return f"it was raised from {start} % to {reached} %, past the next step of the ramp, {step} %"


def _percentage(definition: FlagDefinition) -> int:
    return definition.percentage if definition.enabled else 0


def _is_within(after: FlagDefinition, authorised: FlagDefinition) -> bool:
    """Tell whether a definition reaches no share of users that was not wanted."""
    return after.group_id == authorised.group_id and _percentage(after) <= _percentage(authorised)
