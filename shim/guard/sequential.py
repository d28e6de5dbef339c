"""Has a rate risen above what is tolerated? Looked at after every call, for weeks.

The test is a mixture likelihood ratio. Each of a few higher rates is a rival to the tolerated
one; the evidence is how much likelier the calls are under the rivals, averaged, both over
the rivals and over when the rise may have begun. While the rate is at most the tolerated one
the average is a supermartingale that begins at one, so the chance that it is ever 1 / alpha
or more is at most alpha, however often somebody looks: Ville's inequality. Source: Robbins,
Statistical methods related to the law of the iterated logarithm (1970); mixed over the
moment of a change as in Shiryaev (1963). It holds for calls that depend on each other, too,
as long as each diverges with at most the tolerated chance, given all before it.

That the rise may begin late is what keeps a long quiet time from hiding it; its price grows
with the logarithm of the calls before it.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

STEP = 3.0
"""Each rival is so many times the one before it; the first is twice the tolerated rate."""
HIGHEST = 0.9
FROM_THE_START = 0.75
"""The share of the belief that the rate is high from the first call on."""
HALF_LIFE = 10_000
"""Calls after which half of the belief in a later rise has been given out."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the calls so far say: totals, and the logarithm of the evidence for each rival.

    `peak` is the highest logarithm of the evidence at any look: what was reached once counts.
    """

    trials: int = 0
    failures: int = 0
    rivals: tuple[float, ...] = ()
    peak: float = -math.inf


def look(progress: Progress, failures: int, trials: int, *, tolerated: float) -> Progress:
    """Return the progress after `failures` more of `trials` more calls.

    `tolerated` may differ from one look to the next, but may depend on earlier calls only.
    Raises ValueError for numbers that cannot be.
    """
    if not 0 <= failures <= trials:
        raise ValueError(f"{failures} of {trials} is no share: give failures from 0 to the trials")
    if not 0.0 < tolerated < 0.5:
        raise ValueError(f"the tolerated rate is {tolerated}: give one between 0 and 0.5")
    if trials == 0:
        return progress
    total = progress.trials + trials
    begun = _log(_belief(total) - _belief(progress.trials) if progress.trials else _belief(total))
    rivals = []
    for place, (diverged, agreed) in enumerate(_ratios(tolerated)):
        before = progress.rivals[place] if place < len(progress.rivals) else -math.inf
        ratio = failures * diverged + (trials - failures) * agreed
        rivals.append(_log_sum(before, begun) + ratio)
    evidence = _log_sum(*rivals) - math.log(len(rivals))
    return Progress(
        total, progress.failures + failures, tuple(rivals), max(progress.peak, evidence)
    )


def threshold(alpha: float) -> float:
    """Return which peak trips with a chance of at most `alpha` under the tolerated rate.

    Raises ValueError for an alpha that is no chance.
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha is {alpha}: give a number between 0 and 1, such as 0.001")
    return -math.log(alpha)


@lru_cache(maxsize=64)
def _ratios(tolerated: float) -> tuple[tuple[float, float], ...]:
    """Return for each rival how much likelier a divergence is, and its absence; logarithms."""
    rates = [min(2 * tolerated, HIGHEST)]
    while rates[-1] * STEP < HIGHEST:
        rates.append(rates[-1] * STEP)
    return tuple(
        (math.log(rate / tolerated), math.log1p(-rate) - math.log1p(-tolerated)) for rate in rates
    )


def _belief(calls: int) -> float:
    """Return how much of the belief is on rises that began within the first calls."""
    return FROM_THE_START + (1.0 - FROM_THE_START) * calls / (calls + HALF_LIFE)


def _log(share: float) -> float:
    return math.log(share) if share > 0.0 else -math.inf


def _log_sum(*logarithms: float) -> float:
    """Return the logarithm of a sum, given those of its members."""
    highest = max(logarithms)
    if highest == -math.inf:
        return highest
    return highest + math.log(sum(math.exp(each - highest) for each in logarithms))
