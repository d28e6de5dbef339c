"""What the guard says of counts: every limit by name, with both numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.guard.evidence import EVERYBODY, Evidence, Harm, Share
from shim.guard.limits import GuardLimits, GuardLimitsError
from shim.guard.ruling import (
    MOST_CALLERS,
    MOST_WORKERS,
    Memory,
    State,
    alpha_of,
    judge,
    tolerated_rate,
)

LIMITS = GuardLimits()


def ruling(evidence, *, limits=LIMITS, memory=None, alone=False):
    """Return what is ruled at a first look."""
    return judge(evidence, limits, memory or Memory(), alone=alone)[0]


def compared(count, total, **others):
    """Return evidence of all callers together."""
    return Evidence(unexplained={EVERYBODY: Share(count, total)}, **others)


def test_enough_compared_and_nothing_found_is_healthy_with_its_numbers():
    """The message holds what was seen and what is tolerated."""
    found = ruling(compared(0, 5000))
    assert found.state is State.HEALTHY
    assert "0 of 5,000" in found.message
    assert "0.0100%" in found.message


def test_few_comparisons_are_inconclusive():
    """No data is never a pass."""
    found = ruling(compared(0, 199))
    assert (found.state, found.limit) == (State.INCONCLUSIVE, "least")
    assert "199" in found.message
    assert "200" in found.message


def test_a_comparison_that_does_not_run_is_said_with_the_reason():
    """The alarm's own words."""
    found = ruling(compared(0, 5000, problems=("nothing was compared for 60 s",)))
    assert found.state is State.NOT_RUNNING
    assert "60 s" in found.message


def test_a_stage_that_compares_nothing_is_not_running():
    """It is neither healthy nor breached."""
    assert ruling(compared(0, 5000, expected=False)).state is State.NOT_RUNNING


@pytest.mark.parametrize("harm", Harm)
def test_one_harm_is_enough_whatever_was_compared(harm):
    """Neither statistics nor a stopped comparison keeps it from tripping."""
    found = ruling(Evidence(harms={harm: 1}, problems=("stuck",)))
    assert (found.state, found.limit) == (State.BREACHED, harm)
    assert found.message.startswith(f"{harm}: 1 seen, 0 borne")


def test_harms_that_are_borne_do_not_trip_until_there_are_more():
    """How many are borne can be set."""
    limits = GuardLimits(harms={Harm.NEW_ERROR: 2})
    assert ruling(compared(0, 500, harms={Harm.NEW_ERROR: 2}), limits=limits).state is State.HEALTHY
    assert (
        ruling(compared(0, 500, harms={Harm.NEW_ERROR: 3}), limits=limits).state is State.BREACHED
    )


def test_divergences_above_the_tolerated_rate_trip_with_both_rates_and_the_fingerprints():
    """The message names the limit, what was seen, what is tolerated, and what it was."""
    found = ruling(compared(20, 1000, fingerprints=(("00ff", 20),)))
    assert (found.state, found.limit) == (State.BREACHED, "tolerated")
    for number in ("20 of 1,000", "2.0000%", "0.0100%", "00ff 20"):
        assert number in found.message


def test_one_caller_trips_although_all_together_do_not():
    """A caller with little traffic is not hidden by the others'."""
    unexplained = {EVERYBODY: Share(4, 3_000_000), "boosts": Share(4, 400)}
    found = ruling(Evidence(unexplained=unexplained))
    assert found.state is State.BREACHED
    assert "of boosts" in found.message


def test_a_worker_alone_needs_more_evidence_than_all_together():
    """Its part of alpha is smaller, since there may be many of them."""
    evidence = compared(3, 300)
    assert ruling(evidence).state is State.BREACHED
    assert ruling(evidence, alone=True).state is State.HEALTHY
    assert ruling(compared(9, 300), alone=True).state is State.BREACHED


def test_a_worker_alone_tests_no_caller_apart():
    """Its part of alpha is for one test, and there is no more than one."""
    unexplained = {EVERYBODY: Share(0, 300), "boosts": Share(0, 200), "batches": Share(0, 100)}
    _, memory = judge(Evidence(unexplained=unexplained), LIMITS, Memory(), alone=True)
    assert list(memory.tests) == [EVERYBODY]
    parts = [alpha_of(scope, LIMITS, alone=False) for scope in (EVERYBODY, *range(MOST_CALLERS))]
    alone = [alpha_of(EVERYBODY, LIMITS, alone=True)] * MOST_WORKERS
    assert sum(parts + alone) == pytest.approx(LIMITS.alpha)


def test_noise_that_was_seen_is_tolerated_besides():
    """Its upper bound is added; noise never seen is not assumed."""
    assert tolerated_rate(Share(0, 10), LIMITS) == LIMITS.tolerated
    assert tolerated_rate(Share(50, 1000), LIMITS) > 0.05
    assert ruling(compared(40, 1000, noise=Share(50, 1000))).state is State.HEALTHY


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 500)), max_size=20))
def test_reports_that_are_late_double_or_lower_than_before_change_nothing(reports):
    """The test goes on from the highest it knows: nothing is counted twice or taken back."""
    _, memory = judge(compared(1, 10_000), LIMITS, Memory())
    for count, total in reports:
        _, memory = judge(compared(min(count, total), total), LIMITS, memory)
    assert memory.tests[EVERYBODY].trials == 10_000


def test_the_same_counts_seen_again_are_no_news():
    """A report that comes twice is counted once."""
    _, once = judge(compared(2, 1000), LIMITS, Memory())
    _, twice = judge(compared(2, 1000), LIMITS, once)
    assert twice == once


def test_many_callers_share_a_bounded_number_of_tests():
    """Alpha is divided by a fixed number, so there may be no more of them."""
    memory = Memory()
    for turn in range(1, 4):
        callers = {f"caller{n}": Share(0, n * turn + 1) for n in range(100)}
        everybody = Share(0, sum(share.total for share in callers.values()))
        _, memory = judge(Evidence(unexplained={EVERYBODY: everybody, **callers}), LIMITS, memory)
    assert len(memory.tests) == MOST_CALLERS + 1


@pytest.mark.parametrize(
    ("evidence", "limit"),
    [
        ({"raised": {"canonical": Share(30, 1000), "legacy": Share(10, 1000)}}, "errors"),
        ({"sends": Share(60, 1000)}, "sends"),
        ({"slow": {"canonical": {1 << 20: 3000}, "legacy": {64: 3000}}}, "slowdown"),
    ],
)
def test_fixed_limits_trip_by_name(evidence, limit):
    """Errors, sends that fail, and slowness, each with its numbers."""
    found = ruling(compared(0, 5000, **evidence))
    assert (found.state, found.limit) == (State.BREACHED, limit)


@pytest.mark.parametrize(
    "evidence",
    [
        {"raised": {"canonical": Share(15, 1000), "legacy": Share(10, 1000)}},
        {"raised": {"canonical": Share(90, 100), "legacy": Share(0, 100)}},
        {"raised": {"canonical": Share(900, 1000)}},
        {"sends": Share(50, 1000)},
        {"sends": Share(190, 199)},
        {"slow": {"canonical": {512: 3000}, "legacy": {64: 3000}}},
        {"slow": {"canonical": {8192: 3000}, "legacy": {64: 3000}}},
        {"slow": {"canonical": {1 << 20: 20, 64: 2980}, "legacy": {64: 3000}}},
        {"slow": {"canonical": {1 << 20: 1900}, "legacy": {64: 3000}}},
    ],
)
def test_what_is_within_the_limits_or_too_little_to_say_is_healthy(evidence):
    """A few outliers, few calls, and what is fast enough anyway trip nothing."""
    assert ruling(compared(0, 5000, **evidence)).state is State.HEALTHY


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": float("nan")},
        {"tolerated": 0.5},
        {"errors": -0.1},
        {"sends": 1.5},
        {"slowdown": 1.0},
        {"floor_us": 0},
        {"least": 0},
        {"harms": {Harm.NEW_ERROR: -1}},
    ],
)
def test_limits_that_cannot_be_are_refused_by_name(wrong):
    """The message names the limit, its value and what to give."""
    with pytest.raises(GuardLimitsError, match=r"give"):
        GuardLimits(**wrong)


@pytest.mark.parametrize(("count", "total"), [(2, 1), (-1, 1), (1, 0)])
def test_shares_that_cannot_be_are_refused(count, total):
    """More of them than there are is a mistake of whoever counted."""
    with pytest.raises(ValueError, match=f"{count} of {total}"):
        Share(count, total)
