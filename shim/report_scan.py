"""Sums up the lines of shadow logs, in any order, in bounded memory; sums can be added up."""

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
    parse_line,
    read_block,
)
from shim.report_tally import Snapshot

MOST_GROUPS = 1000
"""Fingerprints told apart; divergences with further ones are only counted."""
SAMPLES = 3
MOST_SAMPLE = 16_384
"""Bytes of a line that is kept as a sample."""
MOST_SNAPSHOTS = 8_000
FINEST_S = 60
"""Seconds of the first grid of time; it is doubled where it holds too much."""

Process = tuple[str, int, float]
At = tuple[Process, int]
"""A process at one epoch of the kill switch: its totals grow by themselves."""
InPeriod = tuple[Process, int, str]
"""The same at one stage."""
GroupName = tuple[str, str, int]
"""Fingerprint, what it is known as, empty if it is new, and the epoch."""
CountName = tuple[str, str, str]
"""Comparison, fingerprint, and what it is known as: `overflow` is a fingerprint of each."""


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
    lines: dict[At, int] = field(default_factory=dict)
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
    """What was read so far, of one migration; lines of others are only counted.

    With `since` what came up to that moment is in `earlier`, to be taken off.
    """

    migration: str = FIRST_MIGRATION
    since: datetime | None = None
    lines: int = 0
    damaged: int = 0
    other_version: int = 0
    notes: list[str] = field(default_factory=list)
    """Which files could not be read, or not to their end."""
    newest: dict[InPeriod, CountsLine] = field(default_factory=dict)
    groups: dict[GroupName, GroupTally] = field(default_factory=dict)
    ungrouped: int = 0
    """Lines of divergences for whose group there was no room."""
    totals: dict[CountName, dict[At, Total]] = field(default_factory=dict)
    """What each process says that it had of a group. A process tells some `MOST_GROUPS` apart."""
    width: int = FINEST_S
    snapshots: dict[tuple[InPeriod, int], tuple[Snapshot, Snapshot]] = field(default_factory=dict)
    """By process, period and place on the grid: the first and the last one there."""
    earlier: "Scan | None" = None

    def __post_init__(self) -> None:
        """Begin what is to be taken off, if anything is."""
        if self.since is not None and self.earlier is None:
            self.earlier = Scan(self.migration)

    def add(self, data: bytes) -> None:
        """Add whole lines of a log."""
        block = read_block(data)
        self.lines += block.lines
        self.damaged += block.damaged
        self.other_version += block.other_version
        for line in block.read:
            if line.migration == self.migration:
                self._of(line.at)._take(line, data)

    def count_of(self, group: GroupTally) -> int:
        """Return how many divergences a group has, with those that have no line."""
        return sum(self.counts_of(group).values())

    def counts_of(self, group: GroupTally) -> dict[At, int]:
        """Return the same by process."""
        lines, told = group.lines, self.totals.get(_count_name(group.line), {})
        before: dict[At, int] = {}
        if self.earlier is not None and _group_name(group.line) in self.earlier.groups:
            before = self.earlier.counts_of(self.earlier.groups[_group_name(group.line)])
        return {
            each: max(
                lines.get(each, 0),
                told[each].divergences - before.get(each, 0) if each in told else 0,
            )
            for each in lines.keys() | told
        }

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
        self.notes += other.notes
        self.ungrouped += other.ungrouped
        if self.earlier is not None and other.earlier is not None:
            self.earlier.merge(other.earlier)
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
        for (period, _), pair in other.snapshots.items():
            for snapshot in pair:
                self._keep(period, snapshot)

    def _of(self, at: datetime) -> "Scan":
        """Return where a line of that time belongs."""
        if self.since is None or self.earlier is None or at > self.since:
            return self
        return self.earlier

    def _take(self, line: Line, data: bytes) -> None:
        if isinstance(line, DivergenceLine):
            self._diverge(line, data)
        elif isinstance(line, CountsLine):
            self._keep_newest(line)
            self._keep(_in_period(line), Snapshot.of(line))
        else:
            self._total(line)

    def _diverge(self, line: DivergenceLine, data: bytes) -> None:
        name, process = _group_name(line), (line.process, line.epoch or 0)
        group = self.groups.get(name)
        if group is None:
            if len(self.groups) >= MOST_GROUPS:
                self.ungrouped += 1
                return
            group = GroupTally(line, line.at, line.at, samples=_samples(line, data))
            self.groups[name] = group
        group.lines[process] = group.lines.get(process, 0) + 1
        if line.at > group.last:
            group.last = line.at
        elif line.at < group.first:
            group.first = line.at

    def _total(self, line: DivergenceCountsLine) -> None:
        for each in line.groups:
            total = Total(each.count, line.lines, line.at)
            self._keep_total(_count_name(each), (line.process, each.epoch), total)

    def _keep_total(self, name: CountName, process: At, total: Total) -> None:
        """Keep the largest, which is the newest: a total only grows."""
        totals = self.totals.setdefault(name, {})
        totals[process] = max(total, totals.get(process, total), key=Total.order)

    def _keep_newest(self, line: CountsLine) -> None:
        period = _in_period(line)
        self.newest[period] = max(line, self.newest.get(period, line), key=_grown)

    def _keep(self, period: InPeriod, snapshot: Snapshot) -> None:
        key = (period, int(snapshot.at) // self.width)
        seen = sorted((snapshot, *self.snapshots.get(key, ())), key=Snapshot.order)
        self.snapshots[key] = (seen[0], seen[-1])
        if len(self.snapshots) > MOST_SNAPSHOTS:
            kept, self.snapshots = self.snapshots, {}
            self.width *= 2
            for (whose, _), pair in kept.items():
                for each in pair:
                    self._keep(whose, each)


def _in_period(line: CountsLine) -> InPeriod:
    return line.process, line.epoch, line.stage


def _group_name(line: DivergenceLine) -> GroupName:
    return line.fingerprint, line.known or "", line.epoch or 0


def _is_of(line: bytes, name: GroupName) -> bool:
    """Whether a line is a divergence of a group: one that is none may name one."""
    found = parse_line(line)
    return isinstance(found, DivergenceLine) and _group_name(found) == name


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
        if len(sample) <= MOST_SAMPLE and _is_of(sample, wanted):
            found.append(sample)
        at = end
    return found
