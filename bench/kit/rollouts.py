"""Simulated rollouts: streams of calls that diverge at a rate, and rules that watch them."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shim.guard.evidence import EVERYBODY
from shim.guard.limits import GuardLimits
from shim.guard.ruling import alpha_of
from shim.guard.sequential import Progress, look, threshold

CALLS_A_SECOND = 500
"""The traffic that a rule by the clock is told to see."""
LOOK_EVERY = CALLS_A_SECOND
"""Calls between two looks of ours in which nothing diverges: a second's."""

Rule = Callable[[Iterator[int], int], int | None]
"""Takes the numbers of the calls that diverge, and how many calls there are; says when it trips."""


@dataclass(frozen=True, slots=True)
class FixedRule:
    """Trips when more than `borne` of the checks, one every `minutes`, saw more than `share`.

    A share of calls that diverged, as a threshold on a success rate has it.
    """

    minutes: int
    share: float
    borne: int

    def __call__(self, diverged: Iterator[int], calls: int) -> int | None:
        """Return the call at which it trips: a check's last."""
        width = self.minutes * 60 * CALLS_A_SECOND
        failed, end, seen = 0, width, 0
        position = next(diverged, calls + 1)
        while end <= calls:
            while position <= end:
                seen += 1
                position = next(diverged, calls + 1)
            failed += seen > self.share * width
            if failed > self.borne:
                return end
            end, seen = end + width, 0
        return None


@dataclass(frozen=True, slots=True)
class OurRule:
    """The guard's own test over all callers, looked at after every divergence and each second."""

    tolerated: float
    alpha: float

    def __call__(self, diverged: Iterator[int], calls: int) -> int | None:
        """Return the call at which it trips."""
        limits = GuardLimits(alpha=self.alpha, tolerated=self.tolerated)
        limit = threshold(alpha_of(EVERYBODY, limits, alone=False))
        progress = Progress()
        for position in diverged:
            progress = self._quiet(progress, min(position, calls + 1) - 1)
            if position > calls:
                return None
            progress = look(progress, 1, 1, tolerated=self.tolerated)
            if progress.peak >= limit:
                return position
        return None

    def _quiet(self, progress: Progress, until: int) -> Progress:
        """Look on while nothing diverges: at the end of each second, then at `until`."""
        while progress.trials < until:
            second = (progress.trials // LOOK_EVERY + 1) * LOOK_EVERY
            progress = look(
                progress, 0, min(second, until) - progress.trials, tolerated=self.tolerated
            )
        return progress


def diverging(rate: float, chance: random.Random) -> Iterator[int]:
    """Yield the numbers of the calls that diverge, each with the same chance, for ever."""
    agrees, position = math.log1p(-rate), 0
    while True:
        position += int(math.log(1.0 - chance.random()) / agrees) + 1
        yield position


def walds_bound(rate: float, tolerated: float, *, alpha: float, power: float) -> float:
    """Return the calls that a test needs on average, knowing the rate beforehand.

    Wald's bound on the expected sample number of any sequential test with these errors:
    Sequential tests of statistical hypotheses (1945).
    """
    information = rate * math.log(rate / tolerated)
    information += (1 - rate) * math.log((1 - rate) / (1 - tolerated))
    miss = 1 - power
    return (power * math.log(power / alpha) + miss * math.log(miss / (1 - alpha))) / information
