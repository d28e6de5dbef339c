"""Timing that two noisy cores can stand: short turns, in another order each round.

What is compared is compared within a round, where both had the same neighbours; the figure
is the median over the rounds.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Call = Callable[[Any], object]


def nothing() -> None:
    """Do nothing, before or after a turn."""


@dataclass(slots=True)
class Variant:
    """One thing to be timed: `call`, with each of `arguments`, once a turn.

    `before` and `after` frame each turn and are not timed. `against` names the variant
    that the difference is taken to.
    """

    name: str
    call: Call
    arguments: Sequence[Any]
    against: str | None = None
    before: Callable[[], object] = nothing
    after: Callable[[], object] = nothing
    turns: list[list[int]] = field(default_factory=list)
    """For each turn the nanoseconds of each call."""
    late: list[int] = field(default_factory=list)
    """For each paced call how many nanoseconds after it was due it had returned."""

    @property
    def medians(self) -> list[float]:
        """The median of each turn."""
        return [statistics.median(turn) for turn in self.turns]

    @property
    def median(self) -> float:
        """The median of the turns' medians."""
        return statistics.median(self.medians)

    @property
    def p99(self) -> float:
        """The 99th percentile of all calls."""
        return percentile([ns for turn in self.turns for ns in turn], 99)

    @property
    def mean(self) -> float:
        """The median of the turns' means: with what the interpreter did in between."""
        return statistics.median([statistics.fmean(turn) for turn in self.turns])


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100) - 1, 0)]


def differences(variant: Variant, other: Variant) -> list[float]:
    """Return, for each round, by how much the median call of `variant` took longer."""
    return [a - b for a, b in zip(variant.medians, other.medians, strict=True)]


def play(
    variants: Sequence[Variant], *, rounds: int, turn: Callable[[Variant], None], seed: int = 1
) -> None:
    """Give each variant one turn a round, in an order that is shuffled each time."""
    order = list(variants)
    shuffled = random.Random(seed)
    for _ in range(rounds):
        shuffled.shuffle(order)
        for variant in order:
            variant.before()
            turn(variant)
            variant.after()


def burst(variant: Variant) -> None:
    """Call back to back. A call's time reaches from stamp to stamp, one stamp included."""
    call, stamp = variant.call, time.perf_counter_ns
    stamps = [stamp()]
    note = stamps.append
    for argument in variant.arguments:
        call(argument)
        note(stamp())
    variant.turns.append([b - a for a, b in zip(stamps, stamps[1:], strict=False)])


def pace(variant: Variant, *, per_second: int) -> None:
    """Call so many times a second; what is late is caught up with."""
    call, stamp = variant.call, time.perf_counter_ns
    gap = 1_000_000_000 // per_second
    taken, due = [], stamp()
    for argument in variant.arguments:
        due += gap
        wait = (due - stamp()) / 1e9
        if wait > 0:
            time.sleep(wait)
        begun = stamp()
        call(argument)
        ended = stamp()
        taken.append(ended - begun)
        variant.late.append(ended - due)
    variant.turns.append(taken)
