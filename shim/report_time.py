"""Which time a report judges: since the last resume, since a moment, or all that logs hold.

The log lines say when a person resumed, so it is known without the instance, too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from shim.log_lines import CountsLine, Numbers
from shim.report_scan import At, GroupTally, InPeriod, Scan
from shim.report_tally import Snapshot, Tally

Key = TypeVar("Key")


class Begins(StrEnum):
    """With what the time that is judged begins."""

    RESUME = "last resume"
    MOMENT = "given time"
    START = "start"


@dataclass(frozen=True, slots=True)
class JudgedTime:
    """With what it begins, at which epoch if with one, and when; None: with the first line."""

    begins: Begins = Begins.START
    epoch: int | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        """Return it as the reports say it."""
        moment = "" if self.at is None else self.at.isoformat(timespec="seconds")
        if self.begins is Begins.RESUME:
            return f"since the last resume, epoch {self.epoch}, {moment}"
        if self.begins is Begins.MOMENT:
            of = "" if self.epoch is None else f", when epoch {self.epoch} began"
            return f"since {moment}{of}"
        return "all that was counted"


def last_resume(scan: Scan) -> JudgedTime:
    """Return the time since the last resume that the lines know; all of it without one."""
    resumed = [line for line in scan.newest.values() if line.resumed]
    newest = max(resumed, key=lambda line: line.epoch, default=None)
    if newest is None or newest.epoch == 0:
        return JudgedTime()
    return JudgedTime(Begins.RESUME, newest.epoch, newest.epoch_begun)


def from_epoch(scan: Scan, epoch: int) -> Scan:
    """Return what a scan found from an epoch on, the groups of all its epochs in one."""
    found = copy(scan)
    found.newest = {key: line for key, line in scan.newest.items() if key[1] >= epoch}
    found.snapshots = {key: pair for key, pair in scan.snapshots.items() if key[0][1] >= epoch}
    found.totals = {
        name: {at: total for at, total in totals.items() if at[1] >= epoch}
        for name, totals in scan.totals.items()
    }
    found.groups = {}
    for (mark, known, at), group in sorted(scan.groups.items(), key=lambda each: each[0]):
        if at >= epoch:
            name = (mark, known, 0)
            if name in found.groups:
                found.groups[name].merge(group)
            else:
                found.groups[name] = _copied(group)
    return found


def counted(scan: Scan) -> dict[InPeriod, CountsLine]:
    """Return the newest counts of each process and period, less what came before `since`."""
    before = {} if scan.earlier is None else scan.earlier.newest
    return {
        period: _less(line, before[period]) if period in before else line
        for period, line in scan.newest.items()
    }


def uncounted(scan: Scan) -> Iterator[tuple[str, str, Tally]]:
    """Yield what has lines already and is in no line of counts yet, by stage and comparison.

    Counts are written every ten seconds, a divergence at once: the table must not say less than
    the list below it.
    """
    listed: dict[At, Counter[tuple[str, bool]]] = defaultdict(Counter)
    stages: dict[At, str] = {}
    for group in scan.groups.values():
        for at, count in scan.counts_of(group).items():
            listed[at][group.line.comparison, bool(group.line.known)] += count
            stages.setdefault(at, group.line.stage)
    told: dict[At, Counter[tuple[str, bool]]] = defaultdict(Counter)
    newest = sorted(scan.newest.values(), key=lambda line: line.at)
    stages |= {(line.process, line.epoch): line.stage for line in newest}
    for (process, epoch, _), line in counted(scan).items():
        for comparison, numbers in line.comparisons.items():
            told[process, epoch][str(comparison), True] += numbers.known
            told[process, epoch][str(comparison), False] += numbers.mismatched
    for at, counts in listed.items():
        for (name, known), count in (counts - told[at]).items():
            tally = Tally(count, known=count) if known else Tally(count, mismatched=count)
            yield stages[at], name, tally


def deltas(scan: Scan) -> list[tuple[Snapshot, Snapshot]]:
    """Return what came between two looks: the counts before, and those after.

    The first look's numbers came since the process, or the period, began.
    """
    before = {} if scan.earlier is None else scan.earlier.newest
    looks: dict[InPeriod, set[Snapshot]] = {}
    for (period, _), pair in scan.snapshots.items():
        looks.setdefault(period, set()).update(pair)
    found: list[tuple[Snapshot, Snapshot]] = []
    for period, seen in looks.items():
        ordered = sorted(seen, key=Snapshot.order)
        first = Snapshot.of(before[period]) if period in before else ordered[0].nothing()
        found += zip([first, *ordered], ordered, strict=False)
    return found


def _copied(group: GroupTally) -> GroupTally:
    return GroupTally(group.line, group.first, group.last, dict(group.lines), list(group.samples))


def _less(line: CountsLine, before: CountsLine) -> CountsLine:
    """Return how much a process counted after an earlier line of the same period."""
    return msgspec.structs.replace(
        line,
        calls=max(line.calls - before.calls, 0),
        episodes=max(line.episodes - before.episodes, 0),
        forced=max(line.forced - before.forced, 0),
        stale_legacy=max(line.stale_legacy - before.stale_legacy, 0),
        dropped=_minus(line.dropped, before.dropped),
        routed=_each_minus(line.routed, before.routed),
        latency=_each_minus(line.latency, before.latency),
        activity=_each_minus(line.activity, before.activity),
        comparisons=_numbers_minus(line.comparisons, before.comparisons),
        noise=_numbers_minus(line.noise, before.noise),
    )


def _minus(counts: Mapping[Key, int], before: Mapping[Key, int]) -> dict[Key, int]:
    return {name: max(count - before.get(name, 0), 0) for name, count in counts.items()}


def _each_minus(
    counts: Mapping[str, Mapping[Key, int]], before: Mapping[str, Mapping[Key, int]]
) -> dict[str, dict[Key, int]]:
    return {name: _minus(each, before.get(name, Counter())) for name, each in counts.items()}


def _numbers_minus(
    numbers: Mapping[Key, Numbers], before: Mapping[Key, Numbers]
) -> dict[Key, Numbers]:
    nothing = Numbers(0, 0, 0, 0, {})
    return {name: _one_minus(each, before.get(name, nothing)) for name, each in numbers.items()}


def _one_minus(numbers: Numbers, before: Numbers) -> Numbers:
    return Numbers(
        compared=max(numbers.compared - before.compared, 0),
        matched=max(numbers.matched - before.matched, 0),
        known=max(numbers.known - before.known, 0),
        mismatched=max(numbers.mismatched - before.mismatched, 0),
        reasons=_minus(numbers.reasons, before.reasons),
    )
