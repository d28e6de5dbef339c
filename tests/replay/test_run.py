"""What diverged live diverges again offline, and no longer once its cause is gone."""

from contextlib import suppress

import msgspec
import pytest

from shim.replay.finding import MANY_EPISODES, Finding
from shim.shadow.differences import DifferenceKind
from shim.shadow.result import Comparison, Outcome
from tests.replay.stage import at_fault, cases, replayed, shadowed
from tests.shim.harness import Harness
from tests.shim.test_hostile_candidate import Gossiping, Mutating, Raising, RaisingLater, Sending
from tests.shim.test_rehearsals import Starving, streak


def farming(harness):
    """Book the income that nobody is told of."""
    harness.connect()
    harness.farm()


def stale_boost(harness):
    """Notify with a balance that was worked out wrongly."""
    harness.connect()
    harness.boost()
    harness.run(0.3)
    harness.boost(stale=True)


def cached_hook(harness):
    """Have legacy answer from the manager's cache."""
    harness.connect()
    harness.manager.remember(7, "0")
    harness.hook()


def dead_first_tab(harness):
    """Have legacy skip a tab after a dead one."""
    first = harness.connect(name="a")
    harness.connect(name="b")
    harness.connect(name="c")
    first.is_open = False
    harness.boost()


def many_calls(harness):
    """Make several kinds of calls in one episode."""
    harness.connect(name="a")
    harness.connect(name="b")
    for _ in range(3):
        harness.farm()
        harness.run(0.02)
        harness.hook("2")
        harness.run(0.03)
        harness.boost(stale=True)


SCENES = [farming, stale_boost, cached_hook, dead_first_tab, many_calls]


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("scene", SCENES)
def test_a_replay_finds_what_was_found_live(scene, percent):
    """The same outcome, fingerprint and values in the same comparison, whoever served."""
    harness = Harness(percent=percent)
    scene(harness)
    harness.run()
    assert harness.results
    for (_, live), case in zip(harness.results, cases(harness), strict=True):
        found = replayed(case)
        assert (found.finding, found.lacks) == (Finding.STILL_DIVERGES, ())
        again = found.results[live.comparison]
        assert (again.outcome, again.differences) == (live.outcome, live.differences)


@pytest.mark.parametrize(
    ("hostile", "percent"),
    [
        *((each, 0) for each in (Raising, Mutating, RaisingLater, Gossiping, Sending)),
        *((each, 100) for each in (Raising, Sending)),
    ],
)
def test_a_repaired_canonical_no_longer_diverges(hostile, percent):
    """On the code that was at fault it still does; on the one that ships it does not."""
    harness = shadowed(hostile, percent=percent)
    harness.connect()
    with suppress(RuntimeError):  # a canonical that serves raises into its caller
        harness.boost()
    harness.run()
    assert harness.results
    for (_, live), case in zip(harness.results, cases(harness), strict=True):
        again = replayed(case, at_fault(hostile))
        assert again.finding is Finding.STILL_DIVERGES
        assert again.results[live.comparison].differences == live.differences
        repaired = replayed(case)
        assert repaired.finding is Finding.NO_LONGER_DIVERGES
        assert {each.outcome for each in repaired.results.values()} == {Outcome.MATCHED}


def slow(case, *also):
    """Return a case whose canonical was found to be slow again and again, and what else."""
    value = case.differences[0]
    late = msgspec.structs.replace(
        value, path="latency.settling", kind=DifferenceKind.LATENCY_CLASS
    )
    return msgspec.structs.replace(
        case,
        comparison=case.comparison if also else Comparison.SAYING,
        differences=(*also, late),
        fingerprint="0" * 16,
    )


def test_whether_a_side_is_still_slow_cannot_be_decided_offline():
    """It is not said to be gone, for time is not among what was recorded."""
    harness = Harness()
    farming(harness)
    harness.run()
    [case] = cases(harness)
    found = replayed(slow(case))
    assert (found.finding, found.lacks) == (Finding.NOT_DECIDABLE, (MANY_EPISODES,))
    assert found.results[Comparison.SAYING].outcome is Outcome.MATCHED


def test_whether_a_page_still_waits_too_long_is_decided_offline():
    """A run has a virtual clock, as the shadow had, and rehearses the same."""
    for base in (0, 4):
        harness = shadowed(Starving)
        harness.connect()
        for _ in range(base):
            harness.truth.book(7, "1")
        if base:
            harness.boost()
            harness.run(0.8)
        else:
            streak(harness)
        [case] = [each for each in cases(harness) if each.comparison is Comparison.TRUTH]
        assert [each.path for each in case.differences] == ["waited.*"]
        assert replayed(case, at_fault(Starving)).finding is Finding.STILL_DIVERGES
        assert replayed(case).finding is Finding.NO_LONGER_DIVERGES


def test_of_a_case_that_is_about_time_as_well_the_rest_is_decided():
    """Values that differ as they did still diverge; others than those, otherwise."""
    harness = Harness()
    stale_boost(harness)
    harness.run()
    case = cases(harness)[-1]
    found = replayed(slow(case, *case.differences))
    assert (found.finding, found.lacks) == (Finding.STILL_DIVERGES, (MANY_EPISODES,))
    assert replayed(slow(case, *case.differences[1:])).finding is Finding.DIVERGES_OTHERWISE
    harness = shadowed(Raising)
    harness.connect()
    harness.boost()
    harness.run()
    for case in cases(harness):
        if case.comparison is not Comparison.TRUTH:
            found = replayed(slow(case, *case.differences))
            assert found.finding is Finding.NOT_DECIDABLE


def test_a_divergence_that_became_another_is_said_to_be_one():
    """Not the old fingerprint, and no match either."""
    harness = shadowed(Raising)
    harness.connect()
    harness.boost()
    harness.run()
    case = next(each for each in cases(harness) if each.comparison is Comparison.TRUTH)
    found = replayed(case, at_fault(Gossiping))
    assert found.finding is Finding.DIVERGES_OTHERWISE
