"""The evidence, read from the shadow logs of any number of workers."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shim.shadow.result import Comparison, NotCompared

MOST_NOT_COMPARED = 0.05
"""Share of raced, dropped and otherwise not compared above which nothing can be said."""


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

    A worker's counters only grow, so its last line of counts holds all of them.
    """
    report = Report(comparisons=_none())
    newest: dict[tuple[object, object, object], Mapping[str, Any]] = {}
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        report.lines += 1
        event = _parse(line)
        try:
            match event["event"]:
                case "shadow_counts":
                    _add(Report(comparisons=_none()), event)
                    newest[event["host"], event["worker"], event["started"]] = event
                case "divergence":
                    _group([event])
                    groups.setdefault(event["fingerprint"], []).append(event)
        except (LookupError, TypeError, AttributeError):
            report.damaged += 1
    report.workers = len(newest)
    for counts in newest.values():
        _add(report, counts)
    report.groups = tuple(
        sorted((_group(events) for events in groups.values()), key=lambda group: -group.count)
    )
    return report


def _none() -> dict[str, Tallied]:
    return {str(comparison): Tallied() for comparison in Comparison}


def _parse(line: str) -> Mapping[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _add(report: Report, counts: Mapping[str, Any]) -> None:
    report.calls += counts["calls"]
    report.episodes += counts["episodes"]
    report.forced += counts["forced"]
    report.stale_legacy += counts["stale_legacy"]
    report.dropped.update(counts["dropped"])
    for tally in counts["routed"].values():
        report.routed.update(tally)
    for name, numbers in counts["comparisons"].items():
        tallied = report.comparisons[name]
        tallied.compared += numbers["compared"]
        tallied.matched += numbers["matched"]
        tallied.known += numbers["known"]
        tallied.mismatched += numbers["mismatched"]
        tallied.reasons.update(numbers["reasons"])


def _group(events: list[Mapping[str, Any]]) -> Group:
    first = events[0]
    return Group(
        fingerprint=first["fingerprint"],
        comparison=first["comparison"],
        outcome=first["outcome"],
        known=first["known"],
        count=len(events),
        first=min(event["at"] for event in events),
        last=max(event["at"] for event in events),
        differences=tuple(
            sorted({f"{found['path']} {found['kind']}" for found in first["differences"]})
        ),
    )
