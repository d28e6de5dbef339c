"""What the numbers of one comparison allow to be said: pure.

Each rate has its exact one-sided upper bound. Where legacy was compared with itself, the exact
one-sided lower bound of that rate, at the same level, is the noise floor: for sure the method
alone makes at least so many differ. It is subtracted from the upper bound and what is left,
never below 0, is *beyond noise*. A comparison with divergences fails unless nothing is left
beyond noise; a limit is kept by what is left. *Truth* has no noise floor, so nothing is ever
subtracted from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from shim.confidence import LEVEL, lower_bound, trials_needed, upper_bound
from shim.report_tally import Tally

MOST_NOT_COMPARED = 0.05
"""Share of raced, dropped and otherwise not compared above which nothing can be said."""


class Verdict(StrEnum):
    """What the numbers of one comparison allow to be said."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUNNING = "not running"


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms is judged: the `level` of the bounds, and the `limit` that one must keep.

    Without a limit a comparison without a divergence passes, whatever its bound.
    """

    level: float = LEVEL
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """Legacy against itself. `floor` is the lower bound of the rate, which is subtracted."""

    compared: int
    diverged: int
    not_compared: int
    rate: float | None
    floor: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one comparison, with the numbers behind it; rates are from 0 to 1.

    `beyond_noise` is the bound less the noise floor. `noise` is None where there is none, as
    in truth.
    """

    verdict: Verdict
    compared: int
    known: int
    diverged: int
    not_compared: int
    rate: float | None
    bound: float | None
    beyond_noise: float | None
    noise: Noise | None
    why: str


def judge(tally: Tally, dropped: int, terms: Terms, noise: Tally | None = None) -> Judged:
    """Return the verdict that follows from the numbers, and why. Never a pass without data."""
    compared, known, diverged, left_out = tally
    not_compared = left_out + dropped
    bound = upper_bound(diverged, compared, level=terms.level) if compared else None
    measured = None if noise is None else _noise(noise, terms)
    floor = 0.0 if measured is None else measured.floor
    beyond = None if bound is None else max(bound - floor, 0.0)
    verdict, why = _verdict(tally, not_compared, bound, terms, measured)
    rate = diverged / compared if compared else None
    return Judged(
        verdict, compared, known, diverged, not_compared, rate, bound, beyond, measured, why
    )


def _noise(tally: Tally, terms: Terms) -> Noise:
    compared, diverged = tally.compared, tally.mismatched
    return Noise(
        compared,
        diverged,
        tally.left_out,
        diverged / compared if compared else None,
        lower_bound(diverged, compared, level=terms.level),
    )


def _verdict(
    tally: Tally, not_compared: int, bound: float | None, terms: Terms, noise: Noise | None
) -> tuple[Verdict, str]:
    if bound is None:
        return Verdict.NOT_RUNNING, "nothing was compared"
    floor = 0.0 if noise is None else noise.floor
    said = _said(tally, bound, terms, noise)
    if tally.mismatched and bound > floor:
        return Verdict.FAIL, said
    offered = tally.compared + not_compared
    if not_compared > MOST_NOT_COMPARED * offered:
        share = not_compared / offered
        return Verdict.INCONCLUSIVE, f"{share:.1%} of {offered} could not be compared"
    if terms.limit is not None and bound - floor > terms.limit:
        needed = trials_needed(min(terms.limit + floor, 0.999), level=terms.level)
        return Verdict.INCONCLUSIVE, f"{said}: {needed - tally.compared} more are needed"
    return Verdict.PASS, said


def _said(tally: Tally, bound: float, terms: Terms, noise: Noise | None) -> str:
    said = (
        f"{tally.mismatched} of {tally.compared} diverged, at most {bound:.3%}"
        f" at {terms.level * 100:.6g} %"
    )
    if noise is None or not noise.compared:
        return said
    beyond = max(bound - noise.floor, 0.0)
    return (
        f"{said}; legacy from itself {noise.diverged} of {noise.compared}, at least"
        f" {noise.floor:.3%}: at most {beyond:.3%} beyond noise"
    )
