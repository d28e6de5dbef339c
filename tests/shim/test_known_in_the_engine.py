"""A known divergence within the whole comparison: counted as known, until it ends."""

from datetime import UTC, datetime, timedelta

from shim.shadow.counts import Cell
from shim.shadow.differences import DifferenceKind
from shim.shadow.known import KnownDivergence, Rule, excused_by
from shim.shadow.period import Period
from shim.shadow.result import Comparison
from tests.shim.harness import Harness

END = datetime(2031, 1, 1, tzinfo=UTC)
STALE = KnownDivergence(
    "stale",
    Rule(Comparison.SAYING, path="balance.ton", kind=DifferenceKind.VALUE),
    "the boost team",
    "it works a balance out itself",
    END,
)


def outcome(*known, now=END - timedelta(days=1)):
    """Return what became of an episode in which a caller says an old balance."""
    harness = Harness()
    harness.experiment._excuse = lambda comparison, mark, found: excused_by(
        known, comparison, mark, found, now=now
    )
    harness.connect()
    harness.boost(stale=True)
    harness.run(1.0)
    return harness


def test_a_difference_that_somebody_answers_for_counts_as_known():
    """Under its id, with all that differs still noted; the other comparisons are as before."""
    assert outcome().outcomes()["saying"] == {"mismatched": 1}
    harness = outcome(STALE)
    assert harness.outcomes()["saying"] == {"known": 1}
    assert harness.outcomes()["truth"] == {"matched": 1}
    [(_, result)] = harness.results
    assert result.known == "stale"
    assert result.differences


def test_from_its_date_on_it_diverges_again():
    """Nobody has to remember it."""
    assert outcome(STALE, now=END).outcomes()["saying"] == {"mismatched": 1}


def test_counts_are_kept_by_caller_and_side():
    """The module that called, and everybody together; what nobody answers for is diverged."""
    cells = outcome().counts.cells
    for caller in ("harness", "*"):
        told = {
            (cell.comparison, cell.what): n for cell, n in cells.items() if cell.caller == caller
        }
        assert told[("", "sampled")] == 1
        assert told[("truth", "matched")] == 1
        assert told[("saying", "mismatched")] == 1
    assert {cell.side for cell in cells} == {"legacy"}


def test_calls_that_find_the_queue_full_are_counted_by_caller():
    """Each one dropped is somebody's."""
    harness = Harness(queue_limit=1)
    harness.connect()
    for _ in range(3):
        harness.hook()
    lost = harness.migration.queue.dropped_calls
    assert lost == {("harness", "legacy", Period("shadow", 0)): 2}


def test_calls_that_are_refused_are_counted_by_caller():
    """With the reason, beside the total."""
    harness = Harness(refuse="cpu_budget")
    harness.connect()
    harness.hook()
    harness.run()
    assert harness.counts.cells[Cell("harness", "legacy", "", "dropped:cpu_budget")] == 1
    assert harness.counts.dropped == {"cpu_budget": 1}
