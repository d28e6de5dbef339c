"""The divergences of shadow logs by group, and from them by caller and by kind."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from shim.report_scan import GroupTally, Scan


@dataclass(frozen=True, slots=True)
class Group:
    """Divergences with one fingerprint that are known as the same, or all new.

    `samples` are lines of a log as they stand there.
    """

    fingerprint: str
    comparison: str
    outcome: str
    known: str | None
    count: int
    first: str
    last: str
    differences: tuple[str, ...]
    samples: tuple[bytes, ...] = ()


def groups_of(scan: Scan) -> tuple[tuple[Group, ...], dict[str, int], dict[str, int]]:
    """Return the groups, and the divergences by caller and by kind, most frequent first.

    All divergences of a group have the same modules as callers, and differ in the same way.
    """
    callers: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    found = []
    for tally in scan.groups.values():
        count = scan.count_of(tally)
        found.append(_group(tally, count, scan.last_of(tally)))
        callers.update(dict.fromkeys((call.module for call in tally.line.calls), count))
        kinds.update(dict.fromkeys((each.kind for each in tally.line.differences), count))
    found.sort(key=lambda group: (-group.count, group.fingerprint, group.known or ""))
    return tuple(found), dict(callers.most_common()), dict(kinds.most_common())


def _group(tally: GroupTally, count: int, last: datetime) -> Group:
    line = tally.line
    return Group(
        fingerprint=line.fingerprint,
        comparison=line.comparison,
        outcome=line.outcome,
        known=line.known,
        count=count,
        first=tally.first.isoformat(),
        last=last.isoformat(),
        differences=tuple(
            sorted({f"{difference.path} {difference.kind}" for difference in line.differences})
        ),
        samples=tuple(tally.samples),
    )
