"""The divergences of one process, grouped by fingerprint: what is new since it was last kept.

Only differences to what was kept are handed on, never totals: a process that starts anew
begins at nothing and takes nothing back. Memory is bounded: past `most` fingerprints all
others share one group per comparison, called `overflow`.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shim.shadow.differences import Difference
from shim.shadow.result import Comparison, Result

OVERFLOW = "overflow"
"""The fingerprint of all those for which there was no room."""
MOST_GROUPS = 1000
MOST_SAMPLES = 3
FIRST_LINES = 10
"""Divergences of one group that a process logs one by one; the rest are counts."""
MOST_PLACES = 20
"""Places of a divergence that its group shows."""


_COMPARISONS = frozenset(Comparison)


class GroupKey(NamedTuple):
    """What a group has in common. `known` is empty for what counts as a divergence.

    `epoch` is the kill switch's when the episodes were served.
    """

    comparison: str
    fingerprint: str
    known: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The `number`th divergence of a group in one process, redacted, as JSON."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class GroupDelta:
    """What is new in one group. `differences` are places, as "path kind"; times are aware."""

    key: GroupKey
    differences: tuple[str, ...]
    count: int
    first_seen: datetime
    last_seen: datetime
    callers: dict[str, int]
    samples: tuple[Sample, ...] = ()


@dataclass(slots=True)
class _Group:
    """`total` since the start, `sample` the first one; the rest since the last `take`."""

    differences: tuple[str, ...]
    sample: str = ""
    total: int = 0
    told: int = 0
    count: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    callers: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)


class Ledger:
    """Noted in by shadow threads, taken from by the thread that keeps it."""

    def __init__(
        self,
        *,
        utc_now: Callable[[], datetime],
        most: int = MOST_GROUPS,
        first_lines: int = FIRST_LINES,
    ) -> None:
        self.first_lines = first_lines
        """How many of a group are logged one by one before only their count is."""
        self._utc_now = utc_now
        self._most = most
        self._lock = threading.Lock()
        self._groups: dict[GroupKey, _Group] = {}

    def note(self, result: Result, *, callers: Iterable[str], epoch: int = 0) -> int:
        """Note a divergence, known or not; return how many of its group there were so far."""
        now = self._utc_now()
        with self._lock:
            group = self._group(result, epoch)
            group.total += 1
            group.count += 1
            group.first_seen = min(group.first_seen or now, now)
            group.last_seen = max(group.last_seen or now, now)
            group.callers.update(set(callers))
            return group.total

    def add_sample(self, result: Result, number: int, text: str, *, epoch: int = 0) -> None:
        """Keep what the `number`th divergence of a group looked like, redacted, as JSON."""
        with self._lock:
            group = self._group(result, epoch)
            group.sample = group.sample or text
            group.samples.append(Sample(number, text))

    def take(self) -> tuple[GroupDelta, ...]:
        """Return what is new since the last time."""
        with self._lock:
            new = [(key, group) for key, group in self._groups.items() if group.count]
            return tuple(_delta(key, group) for key, group in new)

    def totals(self) -> dict[GroupKey, int]:
        """Return how many of each group there were since the start."""
        with self._lock:
            return {key: group.total for key, group in self._groups.items()}

    def first_of(self, fingerprint: str) -> str:
        """Return what a divergence with a fingerprint looked like, empty if not kept.

        It is the first one of the newest epoch.
        """
        with self._lock:
            found = [
                (key.epoch, group.sample)
                for key, group in self._groups.items()
                if key.fingerprint == fingerprint and group.sample
            ]
        return max(found, default=(0, ""), key=lambda pair: pair[0])[1]

    @property
    def urgent(self) -> bool:
        """Whether something has diverged since the last `take` that nobody knows."""
        with self._lock:
            return any(
                group.count and key.comparison in _COMPARISONS and not key.known
                for key, group in self._groups.items()
            )

    def untold(self) -> dict[GroupKey, int]:
        """Return the totals of the groups that were not logged line by line, if they grew."""
        with self._lock:
            grown = {
                key: group.total
                for key, group in self._groups.items()
                if group.total > max(group.told, self.first_lines)
            }
            for key, total in grown.items():
                self._groups[key].told = total
            return grown

    def _group(self, result: Result, epoch: int) -> _Group:
        key = GroupKey(result.name, result.fingerprint or "", result.known or "", epoch)
        group = self._groups.get(key)
        if group is not None:
            return group
        places = _places(result.differences)
        if len(self._groups) >= self._most:
            key, places = key._replace(fingerprint=OVERFLOW), ()
        return self._groups.setdefault(key, _Group(places))


def _places(found: Iterable[Difference]) -> tuple[str, ...]:
    return tuple(sorted({f"{each.path} {each.kind}" for each in found})[:MOST_PLACES])


def _delta(key: GroupKey, group: _Group) -> GroupDelta:
    """Return what is new in a group, and begin anew."""
    if group.first_seen is None or group.last_seen is None:
        raise ValueError(f"nothing is new in {key}: take only what is")
    delta = GroupDelta(
        key,
        group.differences,
        group.count,
        group.first_seen,
        group.last_seen,
        dict(group.callers),
        tuple(group.samples),
    )
    group.count, group.first_seen, group.last_seen = 0, None, None
    group.callers, group.samples = Counter(), []
    return delta
