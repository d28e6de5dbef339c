"""How much was left out of the comparison by how busy users are, for a terminal and for a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shim.shadow.result import Comparison, NotCompared


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One class of users: calls sampled and dropped, comparisons made and left out.

    A call that was dropped takes part in all comparisons; nobody to be told is nothing left out.
    """

    name: str
    sampled: int
    compared: int
    raced: int
    dropped: int
    others: Mapping[str, int]
    """By reason, what was left out besides."""
    left_out: int

    @property
    def rate(self) -> float | None:
        """Return the share of the comparisons that was left out, None where there were none."""
        of = self.left_out + self.compared
        return self.left_out / of if of else None


def activity_rows(activity: Mapping[str, Mapping[str, int]]) -> Iterator[ActivityRow]:
    """Yield the classes by name, from the sums of a report."""
    for name, sums in sorted(activity.items()):
        yield activity_row(name, sums)


def activity_row(name: str, sums: Mapping[str, int]) -> ActivityRow:
    """Return one class."""
    dropped = sum(n for what, n in sums.items() if what.startswith("dropped:"))
    others = {
        what.removeprefix("not_compared:"): n
        for what, n in sorted(sums.items())
        if what.startswith("not_compared:") and n
    }
    raced = others.pop(NotCompared.RACED, 0)
    out = raced + sum(others.values()) - others.get(NotCompared.NO_CONNECTION, 0)
    return ActivityRow(
        name,
        sums.get("sampled", 0),
        sums.get("compared", 0),
        raced,
        dropped,
        others,
        out + dropped * len(Comparison),
    )
