"""How large a rate may still be, or must be, after so many trials: the exact one-sided bounds."""

import math

LEVEL = 0.95
_STEPS = 60
"""Halvings: more than a float can tell apart."""
_TERMS = 2000
_TINY = 1e-300


def upper_bound(failures: int, trials: int, *, level: float = LEVEL) -> float:
    """Return the upper Clopper-Pearson bound of a rate, from 0 to 1; 1 without a trial.

    It is the rate at which so few failures, or fewer, would be seen with probability
    1 - `level` only. Nothing seen in n trials gives 1 - (1 - level) ** (1 / n), about 3 / n.
    Raises ValueError for numbers that cannot be.
    """
    if not 0 <= failures <= trials:
        raise ValueError(f"{failures} of {trials} is no share: give failures from 0 to the trials")
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level is {level}: give a number between 0 and 1, such as {LEVEL}")
    if failures == trials:
        return 1.0
    if failures == 0:
        return -math.expm1(math.log1p(-level) / trials)
    low, high = failures / trials, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _beta(middle, failures + 1, trials - failures) < level:
            low = middle
        else:
            high = middle
    return high


def lower_bound(failures: int, trials: int, *, level: float = LEVEL) -> float:
    """Return the lower Clopper-Pearson bound of a rate, from 0 to 1; 0 without a failure.

    Raises ValueError for numbers that cannot be.
    """
    if failures == 0 <= trials:
        return 0.0
    return 1.0 - upper_bound(trials - failures, trials, level=level)


def trials_needed(rate: float, *, level: float = LEVEL) -> int:
    """Return after how many trials without a failure the bound is at most `rate`."""
    if not 0.0 < rate < 1.0:
        raise ValueError(f"the rate is {rate}: give a number between 0 and 1")
    return math.ceil(math.log1p(-level) / math.log1p(-rate))


def _beta(x: float, a: int, b: int) -> float:
    """Return the regularised incomplete beta function: more than a - 1 of a + b - 1 at rate x."""
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
        if x < 1.0
        else -math.inf
    )
    if x < (a + 1) / (a + b + 2):  # where the fraction converges fast; else by symmetry
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1.0 - x, b, a) / b


def _fraction(x: float, a: int, b: int) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / _not_zero(1.0 + even * d)
        c = _not_zero(1.0 + even / c)
        value *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _not_zero(1.0 + odd * d)
        c = _not_zero(1.0 + odd / c)
        step = c * d
        value *= step
        if abs(step - 1.0) < 1e-14:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
