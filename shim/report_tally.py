"""The numbers by which a comparison is judged, and what a process had of them at a moment."""

from typing import NamedTuple

from shim.log_lines import CountsLine, Numbers
from shim.shadow.result import WITH_NOISE, Comparison, NotCompared


class Tally(NamedTuple):
    """One comparison's numbers: those that judge it, and what was left out of it."""

    compared: int = 0
    known: int = 0
    mismatched: int = 0
    left_out: int = 0

    def less(self, other: "Tally") -> "Tally":
        """Return by how much this is more than `other`; a counter never goes back."""
        return Tally(*(max(a - b, 0) for a, b in zip(self, other, strict=True)))

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


class Snapshot(NamedTuple):
    """What one process had counted at a moment, in unix seconds.

    `tallies` are those of each comparison, `noise` those of each that legacy is put to with
    itself.
    """

    at: float
    dropped: int
    tallies: tuple[Tally, ...]
    noise: tuple[Tally, ...]

    @classmethod
    def of(cls, line: CountsLine) -> "Snapshot":
        """Return what a line of counts says."""
        tallies = tuple(tally_of(line.comparisons.get(each)) for each in Comparison)
        noise = tuple(tally_of(line.noise.get(each)) for each in WITH_NOISE)
        return cls(line.at.timestamp(), sum(line.dropped.values()), tallies, noise)

    def nothing(self) -> "Snapshot":
        """Return what had been counted when nothing was."""
        empty = (Tally(),) * len(Comparison), (Tally(),) * len(WITH_NOISE)
        return Snapshot(self.at, 0, *empty)

    def order(self) -> tuple[int, float]:
        """Return what sorts a process's own: its counts only grow, but a clock may be set back."""
        return self.dropped + sum(map(sum, (*self.tallies, *self.noise))), self.at


def tally_of(numbers: Numbers | None) -> Tally:
    """Return what judges a comparison; nobody to tell is nothing left out."""
    if numbers is None:
        return Tally()
    left_out = sum(
        n for reason, n in numbers.reasons.items() if reason != NotCompared.NO_CONNECTION
    )
    return Tally(numbers.compared, numbers.known, numbers.mismatched, left_out)
