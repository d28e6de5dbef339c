"""The sequential test: what makes its promise true, and that it sees what it ought to see."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.guard.sequential import FROM_THE_START, HALF_LIFE, Progress, look, threshold

TOLERATED = 1e-4


def wealth(progress: Progress) -> float:
    """Return what a gambler on all rivals has, with what was not yet staked."""
    staked = FROM_THE_START + (1 - FROM_THE_START) * progress.trials / (progress.trials + HALF_LIFE)
    if not progress.trials:
        return 1.0
    return math.fsum(map(math.exp, progress.rivals)) / len(progress.rivals) + 1 - staked


looks = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 3)), max_size=8)
rates = st.sampled_from([1e-6, 1e-4, 0.003, 0.2])


@given(looks, rates, st.floats(0, 1))
def test_the_next_call_is_no_gain_to_expect_at_or_under_the_tolerated_rate(before, rate, part):
    """The evidence is a supermartingale, whatever came before: that is the whole promise."""
    progress = Progress()
    for trials, failures in before:
        progress = look(progress, min(failures, trials), trials, tolerated=rate)
    truth = rate * part
    expected = truth * wealth(look(progress, 1, 1, tolerated=rate)) + (1 - truth) * wealth(
        look(progress, 0, 1, tolerated=rate)
    )
    assert expected <= wealth(progress) * (1 + 1e-9)


@given(st.floats(1e-6, 0.999))
def test_the_threshold_is_what_so_much_wealth_is_reached_with_chance_alpha(alpha):
    """By Ville's inequality: wealth of 1 / alpha, as a logarithm."""
    assert math.exp(threshold(alpha)) == pytest.approx(1 / alpha)


def stream(rate, calls, seed):
    """Return whether each call diverged."""
    chance = random.Random(seed)
    return [chance.random() < rate for _ in range(calls)]


def calls_to_trip(diverged, alpha=0.001):
    """Return after how many calls the test trips, None if it does not."""
    progress = Progress()
    for number, failed in enumerate(diverged, start=1):
        progress = look(progress, int(failed), 1, tolerated=TOLERATED)
        if progress.peak >= threshold(alpha):
            return number
    return None


@pytest.mark.parametrize(("rate", "calls"), [(0.1, 100), (0.01, 1500), (0.001, 30_000)])
def test_a_rate_above_the_tolerated_one_trips(rate, calls):
    """The higher the rate the sooner."""
    found = [calls_to_trip(stream(rate, calls, seed)) for seed in range(5)]
    assert None not in found


def test_a_rate_that_rises_late_trips_too():
    """A long quiet time before it hides nothing."""
    progress = look(Progress(), 0, 1_000_000, tolerated=TOLERATED)
    for failed in stream(0.01, 2000, 7):
        progress = look(progress, int(failed), 1, tolerated=TOLERATED)
    assert progress.peak >= threshold(0.001)


def test_what_was_reached_once_stays_reached():
    """A breach is not forgotten because quiet followed."""
    progress = look(Progress(), 50, 100, tolerated=TOLERATED)
    peak = progress.peak
    assert look(progress, 0, 10_000_000, tolerated=TOLERATED).peak == peak


def test_no_calls_say_nothing():
    """A look at nothing new changes nothing."""
    progress = look(Progress(), 1, 10, tolerated=TOLERATED)
    assert look(progress, 0, 0, tolerated=TOLERATED) == progress


@pytest.mark.parametrize(
    ("failures", "trials", "tolerated", "said"),
    [
        (2, 1, TOLERATED, "2 of 1"),
        (-1, 1, TOLERATED, "-1 of 1"),
        (0, 1, 0.0, "0.0"),
        (0, 1, 0.5, "0.5"),
        (0, 1, math.nan, "nan"),
    ],
)
def test_numbers_that_cannot_be_are_refused_by_value(failures, trials, tolerated, said):
    """The message holds the number."""
    with pytest.raises(ValueError, match=said):
        look(Progress(), failures, trials, tolerated=tolerated)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, 2.0, math.nan])
def test_an_alpha_that_is_no_chance_is_refused(alpha):
    """Neither never nor always is a promise."""
    with pytest.raises(ValueError, match=str(alpha)):
        threshold(alpha)
