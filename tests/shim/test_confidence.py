"""The exact bound, against published values and against its own definition."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.confidence import lower_bound, trials_needed, upper_bound


@pytest.mark.parametrize(
    ("failures", "trials", "level", "bound"),
    [
        (0, 10, 0.95, 0.2588656),
        (1, 10, 0.95, 0.3941633),
        (2, 10, 0.95, 0.5069013),
        (0, 100, 0.95, 0.0295130),
        (10, 10, 0.95, 1.0),
        (0, 0, 0.95, 1.0),
        (1, 10, 0.975, 0.4450161),
        (5, 10, 0.975, 0.8129140),
    ],
)
def test_known_values(failures, trials, level, bound):
    """As tables of the Clopper-Pearson interval have them; 97.5 % is one end of 95 %."""
    assert upper_bound(failures, trials, level=level) == pytest.approx(bound, abs=1e-6)


@given(st.integers(1, 60), st.data())
def test_at_the_bound_so_few_failures_are_as_unlikely_as_stated(trials, data):
    """The binomial tail, summed in whole fractions, is 1 - level where the bound is."""
    failures = data.draw(st.integers(0, trials - 1))
    level = data.draw(st.sampled_from([0.9, 0.95, 0.999]))
    rate = Fraction(upper_bound(failures, trials, level=level))
    tail = sum(
        math.comb(trials, seen) * rate**seen * (1 - rate) ** (trials - seen)
        for seen in range(failures + 1)
    )
    assert float(tail) == pytest.approx(1 - level, rel=1e-6)


def test_nothing_seen_has_its_own_bound():
    """1 - alpha ** (1 / n), about three in n, however many there were."""
    for trials in (1, 30, 10**6, 10**12):
        assert upper_bound(0, trials) == pytest.approx(-math.expm1(math.log(0.05) / trials))
    assert upper_bound(0, 10**6) == pytest.approx(3 / 10**6, rel=0.002)


@pytest.mark.parametrize(("failures", "trials"), [(1, 10**7), (10**5, 10**7), (10**7 - 1, 10**7)])
def test_large_numbers_are_near_and_above_what_was_seen(failures, trials):
    """Millions of trials cost no precision that a report could show."""
    rate = failures / trials
    spread = math.sqrt(max(rate * (1 - rate), 1e-7) / trials)
    assert rate < upper_bound(failures, trials) < min(rate + 6 * spread, 1.0)


def test_the_bound_is_reached_after_the_trials_that_are_needed():
    """One trial less is not enough."""
    needed = trials_needed(0.001)
    assert needed == 2995
    assert upper_bound(0, needed) <= 0.001 < upper_bound(0, needed - 1)


@pytest.mark.parametrize(("failures", "trials"), [(-1, 5), (6, 5), (0, -1)])
def test_shares_that_cannot_be_are_refused(failures, trials):
    """With the numbers, and what to give instead."""
    with pytest.raises(ValueError, match=f"{failures} of {trials} is no share"):
        upper_bound(failures, trials)


@pytest.mark.parametrize("number", [0.0, 1.0, 95, float("nan")])
def test_levels_and_rates_that_cannot_be_are_refused(number):
    """A level in percent is the likely mistake."""
    with pytest.raises(ValueError, match=r"the level is .*: give a number between 0 and 1"):
        upper_bound(1, 2, level=number)
    with pytest.raises(ValueError, match=r"the rate is .*: give a number between 0 and 1"):
        trials_needed(number)


@pytest.mark.parametrize(
    ("failures", "trials", "bound"),
    [(0, 10, 0.0), (0, 0, 0.0), (1, 10, 0.0051162), (5, 10, 0.2224411), (10, 10, 0.7411344)],
)
def test_known_values_of_the_lower_bound(failures, trials, bound):
    """As tables of the Clopper-Pearson interval have them; nothing seen may be nothing."""
    assert lower_bound(failures, trials) == pytest.approx(bound, abs=1e-6)


def test_a_lower_bound_of_numbers_that_cannot_be_is_refused():
    """More failures than trials have no rate."""
    with pytest.raises(ValueError, match="no share"):
        lower_bound(3, 2)
