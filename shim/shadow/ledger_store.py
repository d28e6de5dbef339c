"""Where ledgers of all processes are kept together: named as a protocol, with a form in memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from shim.shadow.counts import Cell
from shim.shadow.ledger import MOST_SAMPLES, OVERFLOW, GroupDelta, GroupKey
from shim.shadow.result import Comparison

MOST_STORED = 10_000
"""Groups that a store keeps one by one; further ones go to the group `overflow`."""

DRILL = "drill"
"""Stands for a comparison in groups that are synthetic; no report reads them."""

_COMPARISONS = frozenset(Comparison)


class LedgerError(Exception):
    """The ledger cannot be read or written now: the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is new in one process. `number` grows by one with each batch of a `writer`."""

    writer: str
    number: int
    counters: Mapping[Cell, int]
    groups: tuple[GroupDelta, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The divergences with one fingerprint, of all processes; `samples` are JSON."""

    comparison: str
    fingerprint: str
    known: str
    count: int
    first_seen: datetime
    last_seen: datetime
    differences: tuple[str, ...]
    callers: Mapping[str, int]
    samples: tuple[str, ...]

    @property
    def is_noise(self) -> bool:
        """Whether it is legacy that differs from itself here."""
        return self.comparison not in _COMPARISONS

    @property
    def key(self) -> GroupKey:
        """What the group's divergences have in common."""
        return GroupKey(self.comparison, self.fingerprint, self.known)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """All that is kept, the groups with the most divergences first."""

    counters: Mapping[Cell, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()

    def hits(self) -> dict[str, int]:
        """Return how often each known divergence was met."""
        hits: Counter[str] = Counter()
        for group in self.groups:
            if group.known:
                hits[group.known] += group.count
        return dict(hits)


class LedgerStore(Protocol):
    """Adds up what processes hand in."""

    def add(self, batch: Batch) -> None:
        """Add a batch, all or nothing; one that was added before is passed over.

        Raises LedgerError: then the same batch must be handed in again.
        """

    def read(self) -> LedgerView:
        """Return everything. Raises LedgerError."""


class MemoryLedgerStore:
    """A store that ends with its process. Not for several threads."""

    def __init__(self, *, most: int = MOST_STORED) -> None:
        self._most = most
        self._newest: dict[str, int] = {}
        self._counters: Counter[Cell] = Counter()
        self._groups: dict[GroupKey, Group] = {}
        self._taken: set[tuple[GroupKey, int]] = set()

    def add(self, batch: Batch) -> None:
        """Add a batch that was not added before."""
        if batch.number <= self._newest.get(batch.writer, 0):
            return
        self._newest[batch.writer] = batch.number
        self._counters.update(batch.counters)
        for delta in batch.groups:
            self._add_group(delta)

    def read(self) -> LedgerView:
        """Return everything."""
        groups = sorted(self._groups.values(), key=lambda group: -group.count)
        return LedgerView(dict(self._counters), tuple(groups))

    def _add_group(self, delta: GroupDelta) -> None:
        key = delta.key
        if key not in self._groups and len(self._groups) >= self._most:
            key = key._replace(fingerprint=OVERFLOW)
        old = self._groups.get(key) or Group(
            *key, 0, delta.first_seen, delta.last_seen, delta.differences, {}, ()
        )
        new = []
        for sample in delta.samples:
            if sample.number <= MOST_SAMPLES and (key, sample.number) not in self._taken:
                self._taken.add((key, sample.number))
                new.append(sample.text)
        self._groups[key] = replace(
            old,
            count=old.count + delta.count,
            first_seen=min(old.first_seen, delta.first_seen),
            last_seen=max(old.last_seen, delta.last_seen),
            callers=dict(Counter(old.callers) + Counter(delta.callers)),
            samples=(*old.samples, *new),
        )
