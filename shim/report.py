"""The evidence, read from the shadow logs of any number of workers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shim.log_lines import (
    CountsLine,
    DivergenceCountsLine,
    DivergenceLine,
    GroupCount,
    parse_line,
)
from shim.shadow.result import Comparison, NotCompared

MOST_NOT_COMPARED = 0.05
"""Share of raced, dropped and otherwise not compared above which nothing can be said."""

GroupKey = tuple[str, str, str]
"""Comparison, fingerprint, and what it is known as, empty if it is new."""


class Verdict(StrEnum):
    """What the numbers of one comparison allow to be said."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUNNING = "not running"


@dataclass(slots=True)
class Tallied:
    """One comparison's numbers: its own denominator, and what was left out of it, by reason."""

    compared: int = 0
    matched: int = 0
    known: int = 0
    mismatched: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def left_out(self) -> int:
        """Episodes that could have told something and did not; nobody to tell is not one."""
        return sum(n for reason, n in self.reasons.items() if reason != NotCompared.NO_CONNECTION)


@dataclass(frozen=True, slots=True)
class Group:
    """Divergences with one fingerprint."""

    fingerprint: str
    comparison: str
    outcome: str
    known: str | None
    count: int
    first: str
    last: str
    differences: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """What the logs say, since the start of each worker that wrote them."""

    workers: int = 0
    routed: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    episodes: int = 0
    forced: int = 0
    stale_legacy: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    comparisons: dict[str, Tallied] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    lines: int = 0
    damaged: int = 0

    def verdict(self, comparison: str) -> Verdict:
        """Return what can be said of one comparison."""
        tallied = self.comparisons[comparison]
        if tallied.compared == 0:
            return Verdict.NOT_RUNNING
        if tallied.mismatched:
            return Verdict.FAIL
        left_out = tallied.left_out + sum(self.dropped.values())
        if left_out > MOST_NOT_COMPARED * (tallied.compared + left_out):
            return Verdict.INCONCLUSIVE
        return Verdict.PASS

    def as_json(self) -> dict[str, object]:
        """Return plain data, with each comparison's verdict beside its numbers."""
        return {
            "lines": self.lines,
            "damaged": self.damaged,
            "workers": self.workers,
            "routed": dict(self.routed),
            "calls": self.calls,
            "episodes": self.episodes,
            "forced": self.forced,
            "stale_legacy": self.stale_legacy,
            "dropped": dict(self.dropped),
            "comparisons": {
                name: {
                    "verdict": str(self.verdict(name)),
                    "compared": tallied.compared,
                    "matched": tallied.matched,
                    "known": tallied.known,
                    "mismatched": tallied.mismatched,
                    "not_compared": dict(tallied.reasons),
                }
                for name, tallied in self.comparisons.items()
            },
            "groups": [
                {name: getattr(group, name) for name in Group.__slots__} for group in self.groups
            ],
        }


def read_report(lines: Iterable[str]) -> Report:
    """Read log lines; a damaged one is counted and passed over.

    A worker's counters only grow, so its newest line of counts holds all of them, in
    whatever order the logs are given.
    """
    report = Report(comparisons={str(comparison): Tallied() for comparison in Comparison})
    newest: dict[tuple[str, int, float], CountsLine] = {}
    groups: dict[GroupKey, list[DivergenceLine]] = {}
    grown: dict[GroupKey, dict[tuple[str, int, float], int]] = {}
    for text in lines:
        report.lines += 1
        match parse_line(text):
            case None:
                report.damaged += 1
            case CountsLine() as counts:
                known = newest.get(counts.process)
                if known is None or known.at <= counts.at:
                    newest[counts.process] = counts
            case DivergenceLine() as divergence:
                groups.setdefault(_group_key(divergence), []).append(divergence)
            case DivergenceCountsLine() as told:
                for each in told.groups:
                    totals = grown.setdefault(_group_key(each), {})
                    totals[told.process] = max(each.count, totals.get(told.process, 0))
    report.workers = len(newest)
    for counts in newest.values():
        _add(report, counts)
    report.groups = tuple(
        sorted(
            (_group(found, grown.get(key, {})) for key, found in groups.items()),
            key=lambda group: -group.count,
        )
    )
    return report


def _add(report: Report, counts: CountsLine) -> None:
    report.calls += counts.calls
    report.episodes += counts.episodes
    report.forced += counts.forced
    report.stale_legacy += counts.stale_legacy
    report.dropped.update(counts.dropped)
    for tally in counts.routed.values():
        report.routed.update(tally)
    for comparison, numbers in counts.comparisons.items():
        tallied = report.comparisons[comparison]
        tallied.compared += numbers.compared
        tallied.matched += numbers.matched
        tallied.known += numbers.known
        tallied.mismatched += numbers.mismatched
        tallied.reasons.update(numbers.reasons)


def _group_key(line: DivergenceLine | GroupCount) -> GroupKey:
    return line.comparison, line.fingerprint, line.known or ""


def _group(found: Sequence[DivergenceLine], totals: Mapping[tuple[str, int, float], int]) -> Group:
    """Return a group; a process's own total counts where not every divergence has a line."""
    first = min(found, key=lambda line: line.at)
    last = max(found, key=lambda line: line.at)
    counts = Counter(line.process for line in found)
    for process, total in totals.items():
        counts[process] = max(counts[process], total)
    return Group(
        fingerprint=first.fingerprint,
        comparison=first.comparison,
        outcome=first.outcome,
        known=first.known,
        count=counts.total(),
        first=first.at.isoformat(),
        last=last.at.isoformat(),
        differences=tuple(
            sorted({f"{difference.path} {difference.kind}" for difference in first.differences})
        ),
    )
