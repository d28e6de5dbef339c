"""When a step has been stood: what is missing, and when it can be there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.ramp import RAMP, RampError, checked_steps, next_step
from shim.guard.plan import Criteria, Standing, missing, objection
from shim.guard.ruling import Ruling, State

CRITERIA = Criteria(seconds=600, calls=100)
HEALTHY = Ruling(State.HEALTHY, "tolerated", "0 of 500 diverged")


def standing(seconds, **compared):
    """Return where a rollout at 5 % is."""
    return Standing(5, seconds, compared, HEALTHY)


def test_nothing_is_missing_after_the_time_with_enough_of_each_caller():
    """Then a person may go one step on."""
    assert missing(standing(600, boosts=100, batches=5000), CRITERIA) == ()


def test_each_missing_number_is_named_with_what_there_is_what_is_needed_and_when():
    """Time by the clock, calls at the present rate of traffic."""
    time, boosts = missing(standing(300, boosts=25, batches=100), CRITERIA)
    assert (time.have, time.need, time.ready_in) == (300, 600, 300)
    assert (boosts.what, boosts.have, boosts.need) == ("boosts", 25, 100)
    assert boosts.ready_in == pytest.approx(900)
    assert str(boosts) == "boosts: 25 of 100 compared, 75 more"


def test_a_caller_that_does_not_call_is_never_ready():
    """No traffic is no evidence."""
    (idle,) = missing(standing(700, boosts=0), CRITERIA)
    assert idle.ready_in is None


def test_a_rollout_without_any_caller_has_shown_nothing():
    """Time alone is no pass."""
    (nobody,) = missing(standing(10_000), CRITERIA)
    assert nobody.have == 0


@given(st.integers(0, 100), st.integers(0, 10_000), st.integers(1, 10_000))
def test_what_is_said_to_be_ready_is_ready_then(seconds, compared, more):
    """At the same rate of traffic nothing is missing once the said time has passed."""
    criteria = Criteria(seconds=0, calls=compared + more)
    for lacking in missing(standing(seconds, boosts=compared), criteria):
        if lacking.ready_in is not None:
            later = seconds + lacking.ready_in
            assert compared / seconds * later == pytest.approx(criteria.calls)


@pytest.mark.parametrize("state", [state for state in State if state is not State.HEALTHY])
def test_only_a_healthy_ruling_raises_no_objection(state):
    """Inconclusive, breached and not running each keep the rollout where it is."""
    said = objection(Ruling(state, "least", "5 comparisons"))
    assert said is not None
    assert "5 comparisons" in said
    assert objection(HEALTHY) is None


@pytest.mark.parametrize(
    "steps", [(), (0, 100), (5, 5, 100), (10, 5, 100), (1, 50), (50, 101), (100, 50)]
)
def test_a_ramp_that_does_not_grow_or_does_not_end_at_100_is_refused(steps):
    """The message repeats the steps."""
    with pytest.raises(RampError, match=",".join(map(str, steps)) or "empty"):
        checked_steps(steps)


def test_the_shipped_ramp_is_one_and_is_walked_to_its_end():
    """From nobody to everybody."""
    walked, at = [], 0
    while (step := next_step(at, checked_steps(RAMP))) is not None:
        walked.append(step)
        at = step
    assert tuple(walked) == RAMP


def test_between_two_steps_the_next_one_is_above():
    """A percentage set by hand need not lie on the ramp."""
    assert next_step(7) == 10
