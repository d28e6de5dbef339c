"""How busy a subject is: so that it shows whether only the busy ones are left out."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from shim.shadow.result import Comparison

WINDOW = 10.0
"""Seconds in which calls are counted; the busier of the present and the last one decides."""
FEW_FROM = 2
STEADY_FROM = 10
MOST = 50_000
"""Subjects that are remembered; the one that was quiet for longest is forgotten first."""
MARK = "~"
"""Begins the name under which a class is counted, where a caller's would stand."""


class Activity(StrEnum):
    """A class of subjects by their calls within ten seconds."""

    LONE = "lone"
    """One call."""
    FEW = "few"
    """From two to nine."""
    STEADY = "steady"
    """Ten and more: one a second."""


class Activities:
    """Belongs to the shadow thread."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._seen: dict[int, tuple[int, int, int]] = {}
        """By subject: the window of its newest call, the calls in it, and in the one before."""

    def note(self, subject: int, at: float, calls: int = 1) -> None:
        """Note calls; `at` in seconds of any clock."""
        window = int(at // WINDOW)
        latest, count, before = self._seen.pop(subject, (window, 0, 0))
        if window == latest:
            self._seen[subject] = (window, count + calls, before)
        else:
            self._seen[subject] = (window, calls, count if window == latest + 1 else 0)
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]

    def name_of(self, subject: int) -> str:
        """Return the name under which a subject's class is counted."""
        _, count, before = self._seen.get(subject, (0, 1, 0))
        return _name(max(count, before))


def _name(calls: int) -> str:
    if calls >= STEADY_FROM:
        return _STEADY
    return _FEW if calls >= FEW_FROM else _LONE


_COUNTED = frozenset({"", *Comparison})
_LONE, _FEW, _STEADY = (f"{MARK}{each}" for each in Activity)


def by_activity(cells: Mapping[Any, int]) -> dict[str, dict[str, int]]:
    """Return for each class what was sampled, dropped, compared and left out, by reason.

    Comparisons are summed, whatever came of those that were made. The keys are the counters', of
    one epoch or of several: caller, side, comparison and what come first.
    """
    found: dict[str, Counter[str]] = {}
    for (caller, _, comparison, what, *_), count in cells.items():
        if caller.startswith(MARK) and comparison in _COUNTED:
            made = comparison and not what.startswith("not_compared")
            sums = found.setdefault(caller.removeprefix(MARK), Counter())
            sums["compared" if made else what] += count
    return {name: dict(sums) for name, sums in sorted(found.items())}
