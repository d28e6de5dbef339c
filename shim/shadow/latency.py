"""How long the sides took: a histogram of all calls, and the classes that times are compared by.

A latency differs only if it is at least two classes longer, again and again: see `Spells`. Being
faster is no difference. On a virtual clock nobody is ever late by chance: there a binding may say
what once is too much.
"""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

APART = 2


class LatencyClass(StrEnum):
    """A class of times: a difference between two of them is one of latency."""

    BELOW_1_MS = "below 1 ms"
    BELOW_10_MS = "below 10 ms"
    BELOW_64_MS = "below 64 ms"
    BELOW_100_MS = "below 100 ms"
    BELOW_128_MS = "below 128 ms"
    BELOW_256_MS = "below 256 ms"
    BELOW_375_MS = "below 375 ms"
    BELOW_500_MS = "below 500 ms"
    BELOW_512_MS = "below 512 ms"
    BELOW_750_MS = "below 750 ms"
    BELOW_1_S = "below 1 s"
    LONGER = "longer"


@dataclass(frozen=True, slots=True)
class Scale:
    """Classes in order, and the seconds that part one from the next."""

    bounds: tuple[float, ...]
    classes: tuple[LatencyClass, ...]

    def class_of(self, seconds: float) -> LatencyClass:
        """Return the class of a time."""
        return self.classes[bisect_right(self.bounds, seconds)]

    def is_far_slower(self, expected: float, actual: float) -> bool:
        """Whether the actual time is so many classes longer that it is a difference."""
        return bisect_right(self.bounds, actual) - bisect_right(self.bounds, expected) >= APART


OF_A_CALL = Scale(
    (0.001, 0.01, 0.1, 1.0),
    (
        LatencyClass.BELOW_1_MS,
        LatencyClass.BELOW_10_MS,
        LatencyClass.BELOW_100_MS,
        LatencyClass.BELOW_1_S,
        LatencyClass.LONGER,
    ),
)
"""Below a millisecond nobody notices."""
OF_SETTLING = Scale(
    (0.064, 0.128, 0.256, 0.512),
    (
        LatencyClass.BELOW_64_MS,
        LatencyClass.BELOW_128_MS,
        LatencyClass.BELOW_256_MS,
        LatencyClass.BELOW_512_MS,
        LatencyClass.LONGER,
    ),
)
"""What follows a call takes up to a second by design, and is told apart by factors of two."""

OF_A_FIRST_WORD = Scale(
    (0.375, 0.5, 0.75),
    (
        LatencyClass.BELOW_375_MS,
        LatencyClass.BELOW_500_MS,
        LatencyClass.BELOW_750_MS,
        LatencyClass.LONGER,
    ),
)
"""While calls keep coming a side may collect them for a while, and must then say something."""


class Latencies:
    """Counts calls by side and by the power of two of microseconds that they stayed below."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}

    def add(self, side: str, seconds: float) -> None:
        """Count one call."""
        below = 1 << max(int(seconds * 1e6), 0).bit_length()
        self._counts.setdefault(side, Counter())[below] += 1

    def update(self, other: "Latencies") -> None:
        """Add what another one counted."""
        for side, counts in other.classes().items():
            self._counts.setdefault(side, Counter()).update(counts)

    def classes(self) -> dict[str, dict[int, int]]:
        """Return for each side how many calls stayed below so many microseconds."""
        return {side: dict(counts.copy()) for side, counts in self._counts.copy().items()}

    def snapshot(self) -> dict[str, dict[str, int]]:
        """Return for each side how many calls stayed below so many microseconds, by class."""
        return {
            side: {str(below): n for below, n in sorted(counts.copy().items())}
            for side, counts in self._counts.copy().items()
        }
