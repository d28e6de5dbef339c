"""Legacy may show an older balance after a newer one: known, and no excuse for anything else."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bench.kit.faults import FrameFault
from shim.balance.known import LEGACY_REACHES_NOBODY, OLDER_COMES_LAST
from tests.shim.harness import Harness


def together(harness: Harness) -> None:
    """Have a boost and a farming reward booked for one user within the boost's window."""
    harness.connect()
    harness.boost()
    harness.run(0.02)
    harness.farm()
    harness.run()


@pytest.mark.parametrize("percent", [0, 100])
def test_the_callers_balance_comes_after_one_that_was_read(percent: int) -> None:
    """The boost's own figure is from before the reward, and legacy sends it 100 ms later."""
    harness = Harness(percent=percent)
    together(harness)
    assert harness.outcomes()["saying"] == {"known": 1}
    assert harness.outcomes()["truth"] == {"matched": 1}
    assert OLDER_COMES_LAST in {result.known for _, result in harness.results}
    assert harness.found("saying") == {("last", "value")}


class Wrong(FrameFault):
    """A canonical whose last balance is wrong."""

    def frames(self, frame: Any, connection: Any) -> list[Any]:
        """Return the frame with a unit too many."""
        return [replace(frame, uni=frame.uni + Decimal(1))]


def test_a_wrong_canonical_is_not_excused() -> None:
    """Legacy must have said the very balance with which the canonical ends."""
    harness = Harness(
        canonical=lambda clock, truth, serves, bus=None: Wrong(
            truth=truth, clock=clock, serves=serves, bus=bus
        )
    )
    together(harness)
    assert harness.outcomes()["saying"] == {"mismatched": 1}
    assert harness.outcomes()["truth"] == {"mismatched": 1}


def test_an_older_balance_that_was_not_said_before_is_none() -> None:
    """A stale figure of a caller alone is a divergence that somebody has to look at."""
    harness = Harness()
    harness.connect()
    harness.boost(stale=True)
    harness.run()
    assert harness.outcomes()["saying"] == {"mismatched": 1}
    assert {result.known for _, result in harness.results} <= {None, LEGACY_REACHES_NOBODY}
