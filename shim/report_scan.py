"""Sums up the lines of shadow logs, in any order, in bounded memory; sums can be added up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from shim.log_lines import (
    FIRST_MIGRATION,
    CountsLine,
    DivergenceCountsLine,
    DivergenceLine,
    GroupCount,
    Line,
    Numbers,
    OtherLine,
    parse_line,
    read_block,
)
from shim.shadow.result import WITH_NOISE, Comparison, NotCompared

MOST_GROUPS = 1000
"""Fingerprints told apart; divergences with further ones are only counted."""
SAMPLES = 3
MOST_SAMPLE = 16_384
"""Bytes of a line that is kept as a sample."""
MOST_SNAPSHOTS = 8_000
FINEST_S = 60
"""Seconds of the first grid of time; it is doubled where it holds too much."""

Process = tuple[str, int, float]
GroupName = tuple[str, str]
"""Fingerprint, and what it is known as, empty if it is new."""
CountName = tuple[str, str, str]
"""Comparison, fingerprint, and what it is known as: `overflow` is a fingerprint of each."""


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
    stage: str
    dropped: int
    tallies: tuple[Tally, ...]
    noise: tuple[Tally, ...]

    @classmethod
    def of(cls, line: CountsLine) -> "Snapshot":
        """Return what a line of counts says."""
        tallies = tuple(tally_of(line.comparisons.get(each)) for each in Comparison)
        noise = tuple(tally_of(line.noise.get(each)) for each in WITH_NOISE)
        return cls(line.at.timestamp(), line.stage, sum(line.dropped.values()), tallies, noise)

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


class Total(NamedTuple):
    """How many divergences a process had of a group, how many of them have a line, and when."""

    divergences: int
    lines: int
    at: datetime

    def order(self) -> tuple[int, int, float]:
        """Return what sorts a process's own: the largest is the newest; of two alike the first."""
        return self.divergences, self.lines, -self.at.timestamp()


@dataclass(slots=True)
class GroupTally:
    """Divergences of one group. Samples are lines as they stand in a log."""

    line: DivergenceLine
    """The first one, which says what all of them are."""
    first: datetime
    last: datetime
    lines: dict[Process, int] = field(default_factory=dict)
    """How many lines each process wrote; not every divergence has one."""
    samples: list[bytes] = field(default_factory=list)

    def merge(self, other: "GroupTally") -> None:
        """Add what another scan found of the same."""
        for process, lines in other.lines.items():
            self.lines[process] = self.lines.get(process, 0) + lines
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.samples += other.samples[: SAMPLES - len(self.samples)]


@dataclass(slots=True)
class Scan:
    """What was read so far, of one migration; lines of others are only counted."""

    migration: str = FIRST_MIGRATION
    lines: int = 0
    damaged: int = 0
    other_version: int = 0
    newest: dict[Process, CountsLine] = field(default_factory=dict)
    groups: dict[GroupName, GroupTally] = field(default_factory=dict)
    ungrouped: int = 0
    """Lines of divergences for whose group there was no room."""
    totals: dict[CountName, dict[Process, Total]] = field(default_factory=dict)
    """What each process says that it had of a group. A process tells some `MOST_GROUPS` apart."""
    width: int = FINEST_S
    snapshots: dict[tuple[Process, str, int], tuple[Snapshot, Snapshot]] = field(
        default_factory=dict
    )
    """By process, stage and place on the grid: the first and the last one there."""

    def add(self, data: bytes) -> None:
        """Add whole lines of a log."""
        block = read_block(data)
        self.lines += block.lines
        self.damaged += block.damaged
        self.other_version += block.other_version
        for line in block.read:
            if line.migration != self.migration:
                continue
            if isinstance(line, DivergenceLine):
                self._diverge(line, data)
            elif isinstance(line, CountsLine):
                self._keep_newest(line)
                self._keep(line.process, Snapshot.of(line))
            else:
                self._total(line)

    def count_of(self, group: GroupTally) -> int:
        """Return how many divergences a group has, with those that have no line."""
        lines, told = group.lines, self.totals.get(_count_name(group.line), {})
        return sum(
            max(lines.get(each, 0), told[each].divergences if each in told else 0)
            for each in lines.keys() | told
        )

    def last_of(self, group: GroupTally) -> datetime:
        """Return when a group was last seen; of divergences without a line, when they counted."""
        told = self.totals.get(_count_name(group.line), {})
        without_line = (
            total.at
            for process, total in told.items()
            if total.divergences > group.lines.get(process, 0)
        )
        return max((group.last, *without_line))

    @property
    def without_group(self) -> int:
        """How many divergences belong to no group here; the first of each had their lines."""
        named = {_count_name(group.line) for group in self.groups.values()}
        told = (totals.values() for name, totals in self.totals.items() if name not in named)
        return self.ungrouped + sum(
            max(total.divergences - total.lines, 0) for totals in told for total in totals
        )

    def merge(self, other: "Scan") -> None:
        """Add what another scan found."""
        self.lines += other.lines
        self.damaged += other.damaged
        self.other_version += other.other_version
        self.ungrouped += other.ungrouped
        for line in other.newest.values():
            self._keep_newest(line)
        for name, group in other.groups.items():
            if name in self.groups:
                self.groups[name].merge(group)
            elif len(self.groups) < MOST_GROUPS:
                self.groups[name] = group
            else:
                self.ungrouped += sum(group.lines.values())
        for whose, totals in other.totals.items():
            for process, total in totals.items():
                self._keep_total(whose, process, total)
        for (process, _, _), pair in other.snapshots.items():
            for snapshot in pair:
                self._keep(process, snapshot)

    def _diverge(self, line: DivergenceLine, data: bytes) -> None:
        name = (line.fingerprint, line.known or "")
        group = self.groups.get(name)
        if group is None:
            if len(self.groups) >= MOST_GROUPS:
                self.ungrouped += 1
                return
            group = GroupTally(line, line.at, line.at, samples=_samples(line, data))
            self.groups[name] = group
        process = line.process
        group.lines[process] = group.lines.get(process, 0) + 1
        if line.at > group.last:
            group.last = line.at
        elif line.at < group.first:
            group.first = line.at

    def _total(self, line: DivergenceCountsLine) -> None:
        for each in line.groups:
            self._keep_total(
                _count_name(each), line.process, Total(each.count, line.lines, line.at)
            )

    def _keep_total(self, name: CountName, process: Process, total: Total) -> None:
        """Keep the largest, which is the newest: a total only grows."""
        totals = self.totals.setdefault(name, {})
        totals[process] = max(total, totals.get(process, total), key=Total.order)

    def _keep_newest(self, line: CountsLine) -> None:
        known = self.newest.get(line.process, line)
        self.newest[line.process] = max(line, known, key=_grown)

    def _keep(self, process: Process, snapshot: Snapshot) -> None:
        key = (process, snapshot.stage, int(snapshot.at) // self.width)
        seen = sorted((snapshot, *self.snapshots.get(key, ())), key=Snapshot.order)
        self.snapshots[key] = (seen[0], seen[-1])
        if len(self.snapshots) > MOST_SNAPSHOTS:
            kept, self.snapshots = self.snapshots, {}
            self.width *= 2
            for (whose, _, _), pair in kept.items():
                for each in pair:
                    self._keep(whose, each)


def _group_name(line: Line | OtherLine | None) -> GroupName | None:
    """Return whose divergence a line is, None for one that is none, though it may name one."""
    return (line.fingerprint, line.known or "") if isinstance(line, DivergenceLine) else None


def _grown(line: CountsLine) -> tuple[int, datetime]:
    """Return how much a process had counted: of its lines the largest is the newest.

    Not their time: a clock that was set back would hide whatever was counted since.
    """
    routed = sum(sum(tally.values()) for tally in line.routed.values())
    return line.calls + line.episodes + routed + Snapshot.of(line).order()[0], line.at


def _count_name(line: DivergenceLine | GroupCount) -> CountName:
    return line.comparison, line.fingerprint, line.known or ""


def _samples(line: DivergenceLine, data: bytes) -> list[bytes]:
    """Return the first lines of a block that are of this line's group."""
    found: list[bytes] = []
    wanted, name, at = _group_name(line), line.fingerprint.encode(), 0
    while len(found) < SAMPLES and (at := data.find(name, at)) >= 0:
        end = (data.find(b"\n", at) + 1) or len(data)
        sample = data[data.rfind(b"\n", 0, at) + 1 : end].strip()
        if len(sample) <= MOST_SAMPLE and _group_name(parse_line(sample)) == wanted:
            found.append(sample)
        at = end
    return found


def deltas(scan: Scan) -> Mapping[Process, list[tuple[Snapshot, Snapshot]]]:
    """Return for each process what came between two looks: the counts before, and those after.

    The first look's numbers came since the process began.
    """
    looks: dict[Process, set[Snapshot]] = {}
    for (process, _, _), pair in scan.snapshots.items():
        looks.setdefault(process, set()).update(pair)
    found = {}
    for process, seen in looks.items():
        ordered = sorted(seen, key=Snapshot.order)
        nothing = ordered[0]._replace(
            dropped=0, tallies=(Tally(),) * len(Comparison), noise=(Tally(),) * len(WITH_NOISE)
        )
        found[process] = list(zip([nothing, *ordered], ordered, strict=False))
    return found
