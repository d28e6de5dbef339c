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


@dataclass(frozen=True, slots=True, order=True)
class Epoch:
    """An epoch of the kill switch in which something was counted: see `Period`."""

    number: int
    begun: datetime
    resumed: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What is new in one process. `number` grows by one with each batch of a `writer`.

    `epochs` are those that counters and groups name.
    """

    writer: str
    number: int
    counters: Mapping[Cell, int]
    groups: tuple[GroupDelta, ...]
    epochs: tuple[Epoch, ...] = ()


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
    epoch: int = 0

    def plus(self, other: "Group") -> "Group":
        """Return the sum with the same divergences of another epoch, or process."""
        return replace(
            self,
            count=self.count + other.count,
            first_seen=min(self.first_seen, other.first_seen),
            last_seen=max(self.last_seen, other.last_seen),
            callers=dict(Counter(self.callers) + Counter(other.callers)),
            samples=(*self.samples, *other.samples)[:MOST_SAMPLES],
        )

    @property
    def is_noise(self) -> bool:
        """Whether it is legacy that differs from itself here."""
        return self.comparison not in _COMPARISONS

    @property
    def key(self) -> GroupKey:
        """What the group's divergences have in common."""
        return GroupKey(self.comparison, self.fingerprint, self.known, self.epoch)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """All that is kept, by epoch, the groups with the most divergences first."""

    counters: Mapping[Cell, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    """Those that are known of, oldest first."""

    @property
    def last_resume(self) -> Epoch | None:
        """The newest epoch that began with a resume, or before any rollback."""
        return max((epoch for epoch in self.epochs if epoch.resumed), default=None)

    def in_force_at(self, moment: datetime) -> Epoch | None:
        """Return the epoch in force at a moment, or the first one after it."""
        before = [epoch for epoch in self.epochs if epoch.begun <= moment]
        return max(before, default=min(self.epochs, default=None))

    def since(self, epoch: Epoch | None = None) -> "LedgerView":
        """Return the sums from an epoch on, or of all of them, as those of one epoch, 0."""
        least = -1 if epoch is None else epoch.number
        counters: Counter[Cell] = Counter()
        for cell, count in self.counters.items():
            if cell.epoch >= least:
                counters[cell._replace(epoch=0)] += count
        groups: dict[GroupKey, Group] = {}
        for group in self.groups:
            if group.epoch >= least:
                key = group.key._replace(epoch=0)
                known = groups.get(key)
                groups[key] = replace(group, epoch=0) if known is None else known.plus(group)
        ordered = sorted(groups.values(), key=lambda group: (-group.count, group.key))
        kept = tuple(each for each in self.epochs if each.number >= least)
        return LedgerView(dict(counters), tuple(ordered), kept)

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
        self._epochs: dict[int, Epoch] = {}
        self._counters: Counter[Cell] = Counter()
        self._groups: dict[GroupKey, Group] = {}
        self._taken: set[tuple[GroupKey, int]] = set()

    def add(self, batch: Batch) -> None:
        """Add a batch that was not added before."""
        if batch.number <= self._newest.get(batch.writer, 0):
            return
        self._newest[batch.writer] = batch.number
        self._counters.update(batch.counters)
        for epoch in batch.epochs:
            self._epochs.setdefault(epoch.number, epoch)
        for delta in batch.groups:
            self._add_group(delta)

    def read(self) -> LedgerView:
        """Return everything."""
        groups = sorted(self._groups.values(), key=lambda group: -group.count)
        epochs = tuple(sorted(self._epochs.values()))
        return LedgerView(dict(self._counters), tuple(groups), epochs)

    def _add_group(self, delta: GroupDelta) -> None:
        key = delta.key
        if key not in self._groups and len(self._groups) >= self._most:
            key = key._replace(fingerprint=OVERFLOW)
        old = self._groups.get(key) or Group(
            *key[:3], 0, delta.first_seen, delta.last_seen, delta.differences, {}, (), key.epoch
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
