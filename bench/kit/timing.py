"""Timing that two noisy cores can stand: short turns, in another order each round.

A processor that others use, too, runs at two speeds, a factor of almost two apart, and stays
with one for seconds. So what is compared changes places within a turn, after a few calls each;
a figure is the median of the turns' differences, of all turns and of the undisturbed ones.
"""

import itertools
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.kit import budget

Call = Callable[[Any], object]


def nothing() -> None:
    """Do nothing, before or after a turn."""


SLICE = 50
"""Calls after which a variant and what it is compared with change places."""


@dataclass(slots=True)
class Variant:
    """One thing to be timed: `call`, with each of `arguments`, once a turn.

    `before` and `after` frame each turn and are not timed. `against` is what the difference
    is taken to.
    """

    name: str
    call: Call
    arguments: Sequence[Any]
    against: "Variant | None" = None
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing
    turns: list[list[int]] = field(default_factory=list)
    """For each turn the nanoseconds of each call."""
    beside: list[list[int]] = field(default_factory=list)
    """The same of what it is compared with, in the same turns."""
    late: list[int] = field(default_factory=list)
    """For each paced call how many nanoseconds after it was due it had returned."""

    @property
    def median(self) -> float:
        """The median of all calls."""
        return statistics.median(itertools.chain(*self.turns))

    @property
    def p99(self) -> float:
        """The 99th percentile of all calls."""
        return percentile(list(itertools.chain(*self.turns)), 99)

    @property
    def mean(self) -> float:
        """The median of the turns' means: with what the interpreter did in between."""
        return statistics.median([statistics.fmean(turn) for turn in self.turns])

    @property
    def differences(self) -> list[float]:
        """By how much the median call took longer than what it is compared with, by turn."""
        return [
            statistics.median(own) - statistics.median(other)
            for own, other in zip(self.turns, self.beside, strict=True)
        ]

    @property
    def over(self) -> float:
        """The median of the differences."""
        return statistics.median(self.differences)

    @property
    def half_within(self) -> float:
        """Half of the turns' differences lie no farther than this from their median."""
        return half_within(self.differences)

    @property
    def over_undisturbed(self) -> float:
        """The same of the quarter of the turns in which what it is compared with was fastest.

        The turns are not chosen by how fast the variant itself was.
        """
        speed = [statistics.median(turn) for turn in self.beside]
        fastest = sorted(range(len(speed)), key=speed.__getitem__)[: -(-len(speed) // 4)]
        return statistics.median([self.differences[turn] for turn in fastest])


def half_within(values: Sequence[float]) -> float:
    """Return how far from their median half of the values lie at most."""
    middle = statistics.median(values)
    return statistics.median([abs(value - middle) for value in values])


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


Timing = Callable[[Variant, Sequence[Any]], list[int]]
"""Makes a variant's call with each of the arguments; returns the nanoseconds of each."""


def play(
    variants: Sequence[Variant],
    *,
    rounds: int,
    timing: Timing,
    within: float | None = None,
    seed: int = 1,
) -> int:
    """Give each variant one turn a round, in an order that is shuffled each time.

    Return how many rounds were played `within` so many seconds.
    """
    order = list(variants)
    shuffled = random.Random(seed)
    played = 0
    for _ in budget.rounds(rounds, within=within, least=2):
        shuffled.shuffle(order)
        for variant in order:
            variant.before()
            _take_turn(variant, timing)
            variant.after()
        played += 1
    return played


def _take_turn(variant: Variant, timing: Timing) -> None:
    own: list[int] = []
    other: list[int] = []
    step = len(variant.arguments) if variant.against is None else SLICE
    for start in range(0, len(variant.arguments), step):
        these = slice(start, start + step)
        own += timing(variant, variant.arguments[these])
        if variant.against is not None:
            other += timing(variant.against, variant.against.arguments[these])
    variant.turns.append(own)
    if variant.against is not None:
        variant.beside.append(other)


def back_to_back(variant: Variant, arguments: Sequence[Any]) -> list[int]:
    """Call without a pause. A call's time reaches from stamp to stamp, one stamp included."""
    call, stamp = variant.call, time.perf_counter_ns
    stamps = [stamp()]
    note = stamps.append
    for argument in arguments:
        call(argument)
        note(stamp())
    return [later - earlier for earlier, later in itertools.pairwise(stamps)]


def paced(variant: Variant, arguments: Sequence[Any], *, per_second: int) -> list[int]:
    """Call so many times a second; what is late is caught up with."""
    call, stamp = variant.call, time.perf_counter_ns
    gap = 1_000_000_000 // per_second
    taken, due = [], stamp()
    for argument in arguments:
        due += gap
        wait = (due - stamp()) / 1e9
        if wait > 0:
            time.sleep(wait)
        begun = stamp()
        call(argument)
        ended = stamp()
        taken.append(ended - begun)
        variant.late.append(ended - due)
    return taken


def in_batches(
    variant: Variant, arguments: Sequence[Any], *, size: int, per_second: int
) -> list[int]:
    """Call `size` times without a pause, then wait: so many times a second in all."""
    taken = []
    for start in range(0, len(arguments), size):
        begun = time.perf_counter()
        taken += back_to_back(variant, arguments[start : start + size])
        time.sleep(max(begun + size / per_second - time.perf_counter(), 0.0))
    return taken
