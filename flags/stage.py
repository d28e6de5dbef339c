"""How far the migration is: a function of the two flags and the latch, kept nowhere."""

from enum import StrEnum

from flags.definition import FlagDefinition
from flags.latch import Latch


class Stage(StrEnum):
    """The stages of the migration."""

    OFF = "off"
    """Legacy serves everybody, nothing shadows."""
    SHADOW = "shadow"
    """Legacy serves everybody, canonical shadows."""
    RAMP = "ramp"
    """Canonical serves some users: a percentage, a cohort, or both."""
    COMPLETE = "complete"
    """Canonical serves everybody."""
    ROLLED_BACK = "rolled_back"
    """The latch is on: legacy serves everybody, whatever the flags say."""


def stage_of(
    canonical: FlagDefinition | None, shadow: FlagDefinition | None, latch: Latch
) -> Stage:
    """Return the stage; None is a flag that the state does not have."""
    if latch.engaged:
        return Stage.ROLLED_BACK
    if canonical is None or canonical.reaches_nobody:
        return Stage.SHADOW if _samples(shadow) else Stage.OFF
    return Stage.COMPLETE if canonical.reaches_everybody else Stage.RAMP


def is_verified(stage: Stage, shadow: FlagDefinition | None) -> bool:
    """Tell whether the stage is compared: a ramp that nothing shadows proves nothing."""
    return stage not in (Stage.RAMP, Stage.COMPLETE) or _samples(shadow)


def _samples(shadow: FlagDefinition | None) -> bool:
    """Tell whether the shadow flag reaches anybody."""
    return shadow is not None and not shadow.reaches_nobody
