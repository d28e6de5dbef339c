"""Every count belongs to the stage and epoch in which its episode was served."""

from datetime import UTC, datetime

from flags.latch import Latch
from shim.shadow.counts import MOST_PERIODS, Counts
from shim.shadow.events import LiveCall
from shim.shadow.period import END_OF_DRILL, Period
from shim.shadow.result import Comparison, Outcome, Result
from shim.sides import Side
from tests.shim.harness import ENGAGED, Harness

RESUMED = Latch(2, False, "anna", datetime(2026, 1, 2, tzinfo=UTC), "repaired")
DRILLED = Latch(4, False, "anna", datetime(2026, 1, 3, tzinfo=UTC), f"{END_OF_DRILL}practice")


def compared(harness: Harness) -> dict[tuple[str, int], int]:
    """Return how many comparisons of the truth each period has."""
    return {
        (period.stage, period.epoch): sum(
            n for (which, _), n in numbers.outcomes.items() if which is Comparison.TRUTH
        )
        for period, numbers in harness.counts.periods.items()
    }


def test_an_episode_counts_in_the_stage_in_which_it_was_served() -> None:
    """Though it is closed, and counted, after the flip: the ramp is not the shadow's."""
    harness = Harness()
    harness.connect(user_id=7)
    harness.boost(user_id=7)
    harness.flip(percent=1)  # which does not reach the user: the same side goes on serving
    harness.run()
    assert compared(harness) == {("shadow", 0): 1}
    harness.boost(user_id=7)
    harness.run()
    assert compared(harness) == {("shadow", 0): 1, ("ramp", 0): 1}
    assert harness.counts.episodes == 2


def test_a_rollback_and_a_resume_each_begin_a_period() -> None:
    """What was found before a resume stays where it was found."""
    harness = Harness(percent=1)
    harness.connect(user_id=7)
    for latch in (harness.latch, ENGAGED, RESUMED):
        harness.flip(percent=1, latch=latch)
        harness.boost(user_id=7)
        harness.run()
    assert compared(harness) == {("ramp", 0): 1, ("rolled_back", 1): 1, ("ramp", 2): 1}
    assert [cell.epoch for cell in harness.counts.cells if cell.what == "sampled"][::3] == [0, 1, 2]
    before, rolled_back, after = harness.counts.periods
    assert (before.resumed, rolled_back.resumed, after.resumed) == (True, False, True)
    assert after.begun == RESUMED.when


def test_the_end_of_a_drill_is_no_resume() -> None:
    """It proves nothing, so it begins no new time to judge."""
    harness = Harness(percent=1)
    harness.flip(percent=1, latch=DRILLED)
    assert not harness.migration.table.period.resumed


def test_calls_are_routed_in_the_period_before_the_flip_or_after_it() -> None:
    """Each call counts once, under what was in force."""
    harness = Harness()
    harness.connect(user_id=7)
    harness.boost(user_id=7)
    before = harness.migration.table.period
    harness.flip(percent=1)
    for _ in range(2):
        harness.boost(user_id=7)
    harness.migration.look()
    routed = harness.migration.routed
    assert routed.by_path(before)["connection_aware"]["legacy"] == 1
    assert routed.by_path(harness.migration.table.period)["connection_aware"]["legacy"] == 2


def call(period: Period) -> LiveCall:
    """Return a call that was decided in a period."""

    class Decided:
        """All of a decision that is counted by."""

    decided = Decided()
    decided.period = period  # type: ignore[attr-defined]
    return LiveCall(0.0, "path", 7, None, Side.LEGACY, decided, None, None)


def test_periods_without_end_are_held_in_bounds() -> None:
    """The oldest are told apart no more, and stay in the sums."""
    counts = Counts()
    for epoch in range(3 * MOST_PERIODS):
        counts.add(Result(Comparison.TRUTH, Outcome.MATCHED), call(Period("ramp", epoch)))
    assert len(counts.periods) == MOST_PERIODS
    assert counts.outcomes[Comparison.TRUTH, Outcome.MATCHED] == 3 * MOST_PERIODS
    assert counts.sums.cells["*", "legacy", "truth", "matched"] == 3 * MOST_PERIODS
