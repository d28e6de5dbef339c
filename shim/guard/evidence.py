"""What the guard judges by: counts with their denominators, since the rollout went on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

EVERYBODY = "*"
"""The scope of all callers together."""


class Harm(StrEnum):
    """What needs no statistics: one is enough."""

    WRONG_RECIPIENT = "wrong_recipient"
    """Something for one user went to another."""
    WRONG_AMOUNT = "wrong_amount"
    """A balance or a change that the system of record does not hold."""
    NEW_ERROR = "new_error"
    """The canonical side raised where legacy did not."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many. Raises ValueError for numbers that cannot be."""

    count: int = 0
    total: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.count <= self.total:
            raise ValueError(f"{self.count} of {self.total} is no share")

    @property
    def rate(self) -> float:
        """The share as a number from 0 to 1, 0 of nothing."""
        return self.count / self.total if self.total else 0.0

    def __str__(self) -> str:
        """Return the share with both numbers, as a message shows it."""
        return f"{self.count:,} of {self.total:,}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Totals that only grow.

    `unexplained` are divergences that nobody knows, of the comparisons made, by caller and
    for `EVERYBODY`; `noise` is legacy against itself. `raised` are calls that raised, `slow`
    the calls of each side by the microseconds that they stayed below, both by side. `sends`
    are those of the canonical side that failed. `problems` say why too little is compared,
    `expected` whether anything ought to be. `fingerprints` are the most frequent divergences.
    """

    unexplained: Mapping[str, Share] = field(default_factory=dict)
    noise: Share = Share()
    harms: Mapping[Harm, int] = field(default_factory=dict)
    raised: Mapping[str, Share] = field(default_factory=dict)
    slow: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    sends: Share = Share()
    expected: bool = True
    problems: tuple[str, ...] = ()
    fingerprints: tuple[tuple[str, int], ...] = ()

    @property
    def compared(self) -> int:
        """How many comparisons were made, whoever called."""
        return self.unexplained.get(EVERYBODY, Share()).total
