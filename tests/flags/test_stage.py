"""The stage, as a function of two definitions and a latch."""

from datetime import UTC, datetime

import pytest

from flags.definition import FlagDefinition
from flags.latch import NEVER_ENGAGED, Latch
from flags.stage import Stage, is_verified, stage_of

ENGAGED = Latch(3, True, "ann", datetime(2000, 1, 1, tzinfo=UTC), "drill")


def flag(
    percentage: int, *, cohort: frozenset[int] = frozenset(), enabled: bool = True
) -> FlagDefinition:
    """Return a definition; its name is of no matter here."""
    return FlagDefinition("a-flag", enabled, percentage, cohort, "a-flag")


SOMEBODY = frozenset({7})


@pytest.mark.parametrize(
    ("canonical", "shadow", "stage"),
    [
        (None, None, Stage.OFF),
        (flag(0), flag(0), Stage.OFF),
        (flag(0), flag(100, enabled=False), Stage.OFF),
        (flag(0), flag(1), Stage.SHADOW),
        (flag(0), flag(0, cohort=SOMEBODY), Stage.SHADOW),
        (None, flag(100), Stage.SHADOW),
        (flag(100, enabled=False), flag(100), Stage.SHADOW),
        (flag(1), flag(100), Stage.RAMP),
        (flag(99), flag(0), Stage.RAMP),
        (flag(0, cohort=SOMEBODY), flag(100), Stage.RAMP),
        (flag(100), flag(100), Stage.COMPLETE),
        (flag(100, cohort=SOMEBODY), flag(0), Stage.COMPLETE),
    ],
)
def test_the_stage_follows_from_the_flags(
    canonical: FlagDefinition | None, shadow: FlagDefinition | None, stage: Stage
) -> None:
    """Each pair of flags is one stage, and with the latch on it is rolled back."""
    assert stage_of(canonical, shadow, NEVER_ENGAGED) is stage
    assert stage_of(canonical, shadow, ENGAGED) is Stage.ROLLED_BACK


@pytest.mark.parametrize("stage", [Stage.RAMP, Stage.COMPLETE])
def test_traffic_that_nothing_shadows_is_not_verified(stage: Stage) -> None:
    """A ramp with the shadow at 0 % proves nothing, and is shown so."""
    assert not is_verified(stage, flag(0))
    assert not is_verified(stage, None)
    assert is_verified(stage, flag(1))


def test_without_traffic_there_is_nothing_to_verify() -> None:
    """At the other stages the canonical serves nobody, so nothing is missing."""
    for stage in (Stage.OFF, Stage.SHADOW, Stage.ROLLED_BACK):
        assert is_verified(stage, None)
