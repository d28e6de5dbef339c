"""The evidence: what the shadow logs of any number of workers allow to be said."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from shim.confidence import LEVEL, trials_needed, upper_bound
from shim.log_lines import FIRST_MIGRATION, CountsLine
from shim.report_files import Progress, scan_files
from shim.report_groups import Group, groups_of
from shim.report_scan import Scan, Tally, deltas, tally_of
from shim.shadow.result import Comparison

MOST_NOT_COMPARED = 0.05
"""Share of raced, dropped and otherwise not compared above which nothing can be said."""
MOST_POINTS = 48
"""Points of a line over time."""


class Verdict(StrEnum):
    """What the numbers of one comparison allow to be said."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_RUNNING = "not running"


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms is judged: the `level` of the bounds, and the `limit` that one must keep.

    Without a limit a comparison without a divergence passes, whatever its bound.
    """

    level: float = LEVEL
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one comparison, with the numbers behind it; rates are from 0 to 1."""

    verdict: Verdict
    compared: int
    known: int
    diverged: int
    not_compared: int
    rate: float | None
    bound: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Point:
    """One comparison within `seconds` from `at` on, in unix seconds."""

    at: float
    seconds: float
    compared: int
    diverged: int


@dataclass(slots=True)
class Report:
    """What the logs say, since the start of each worker that wrote them."""

    terms: Terms = field(default_factory=Terms)
    migration: str = FIRST_MIGRATION
    lines: int = 0
    damaged: int = 0
    other_version: int = 0
    workers: int = 0
    routed: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    episodes: int = 0
    forced: int = 0
    stale_legacy: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    comparisons: dict[str, Tally] = field(default_factory=dict)
    matched: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    stages: dict[str, tuple[int, dict[str, Tally]]] = field(default_factory=dict)
    """For each stage what was dropped, and each comparison's numbers."""
    over_time: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    latency: dict[str, dict[int, int]] = field(default_factory=dict)
    """For each side how many calls stayed below so many microseconds, by class."""
    activity: dict[str, Counter[str]] = field(default_factory=dict)
    """For each class of how busy users are what was sampled, dropped, compared and left out."""
    callers: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    ungrouped: int = 0

    def judged(self, comparison: str) -> Judged:
        """Return what can be said of one comparison, over all stages."""
        return judge(self.comparisons[comparison], self.dropped.total(), self.terms)

    def judged_in(self, stage: str, comparison: str) -> Judged:
        """Return what can be said of one comparison at one stage."""
        dropped, tallies = self.stages[stage]
        return judge(tallies[comparison], dropped, self.terms)

    def verdict(self, comparison: str) -> Verdict:
        """Return the verdict on one comparison, over all stages."""
        return self.judged(comparison).verdict

    def as_json(self) -> dict[str, object]:
        """Return plain data, with each comparison's verdict beside its numbers."""
        return {
            "migration": self.migration,
            "level": self.terms.level,
            "limit": self.terms.limit,
            "lines": self.lines,
            "damaged": self.damaged,
            "other_version": self.other_version,
            "workers": self.workers,
            "routed": dict(self.routed),
            "calls": self.calls,
            "episodes": self.episodes,
            "forced": self.forced,
            "stale_legacy": self.stale_legacy,
            "dropped": dict(self.dropped),
            "comparisons": {
                name: asdict(self.judged(name))
                | {"matched": self.matched[name], "reasons": dict(self.reasons.get(name, {}))}
                for name in self.comparisons
            },
            "stages": {
                stage: {name: asdict(self.judged_in(stage, name)) for name in tallies}
                for stage, (_, tallies) in self.stages.items()
            },
            "activity": {name: dict(sums) for name, sums in self.activity.items()},
            "callers": self.callers,
            "kinds": self.kinds,
            "latency_below_us": {
                side: {str(below): n for below, n in classes.items()}
                for side, classes in self.latency.items()
            },
            "over_time": {
                name: [asdict(point) for point in points] for name, points in self.over_time.items()
            },
            "groups": [
                {name: value for name, value in asdict(group).items() if name != "samples"}
                for group in self.groups
            ],
            "ungrouped": self.ungrouped,
        }


def judge(tally: Tally, dropped: int, terms: Terms) -> Judged:
    """Return the verdict that follows from the numbers, and why. Never a pass without data."""
    compared, known, diverged, left_out = tally
    not_compared = left_out + dropped
    bound = upper_bound(diverged, compared, level=terms.level) if compared else None
    verdict, why = _verdict(compared, diverged, not_compared, bound, terms)
    rate = diverged / compared if compared else None
    return Judged(verdict, compared, known, diverged, not_compared, rate, bound, why)


def _verdict(
    compared: int, diverged: int, not_compared: int, bound: float | None, terms: Terms
) -> tuple[Verdict, str]:
    if bound is None:
        return Verdict.NOT_RUNNING, "nothing was compared"
    said = f"{diverged} of {compared} diverged, at most {bound:.3%} at {terms.level * 100:.6g} %"
    if diverged:
        return Verdict.FAIL, said
    offered = compared + not_compared
    if not_compared > MOST_NOT_COMPARED * offered:
        share = not_compared / offered
        return Verdict.INCONCLUSIVE, f"{share:.1%} of {offered} could not be compared"
    if terms.limit is not None and bound > terms.limit:
        needed = trials_needed(terms.limit, level=terms.level)
        return Verdict.INCONCLUSIVE, f"{said}: {needed - compared} more are needed"
    return Verdict.PASS, said


def read_logs(
    paths: Iterable[Path],
    *,
    migration: str = FIRST_MIGRATION,
    terms: Terms | None = None,
    progress: Progress = lambda _: None,
) -> Report:
    """Read whole log files for one migration. Raises OSError.

    `progress` is told how many bytes were read.
    """
    scan = scan_files(paths, migration=migration, progress=progress)
    return report_of(scan, terms or Terms())


def report_of(scan: Scan, terms: Terms) -> Report:
    """Return what a scan of logs says.

    A worker's counters only grow, so its newest line of counts holds all of them, in whatever
    order the logs are given.
    """
    report = Report(
        terms,
        scan.migration,
        scan.lines,
        scan.damaged,
        scan.other_version,
        len(scan.newest),
        comparisons={str(comparison): Tally() for comparison in Comparison},
        reasons={str(comparison): Counter() for comparison in Comparison},
        ungrouped=scan.without_group,
    )
    for counts in scan.newest.values():
        _add(report, counts)
    _add_stages(report, scan)
    report.over_time = _over_time(scan)
    report.groups, report.callers, report.kinds = groups_of(scan)
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
        name = str(comparison)
        report.comparisons[name] = report.comparisons[name].plus(tally_of(numbers))
        report.matched[name] += numbers.matched
        report.reasons[name].update(numbers.reasons)
    for name, sums in counts.activity.items():
        report.activity.setdefault(name, Counter()).update(sums)
    for side, classes in counts.latency.items():
        known = Counter(report.latency.get(side, {}))
        known.update(classes)
        report.latency[side] = dict(sorted(known.items()))


def _add_stages(report: Report, scan: Scan) -> None:
    """Put what came between two looks under the stage of the first: counts end each stage."""
    for pairs in deltas(scan).values():
        for before, after in pairs:
            dropped, tallies = report.stages.get(before.stage, (0, {}))
            for name, new, old in zip(Comparison, after.tallies, before.tallies, strict=True):
                tallies[str(name)] = tallies.get(str(name), Tally()).plus(new.less(old))
            dropped += max(after.dropped - before.dropped, 0)
            report.stages[before.stage] = dropped, tallies


def _over_time(scan: Scan) -> dict[str, tuple[Point, ...]]:
    steps = [pair for pairs in deltas(scan).values() for pair in pairs]
    if not steps:
        return {}
    begin = min(after.at for _, after in steps)
    span = max(after.at for _, after in steps) - begin
    width = max(span / MOST_POINTS, 1.0)
    sums: dict[tuple[str, int], Tally] = {}
    for before, after in steps:
        place = min(int((after.at - begin) / width), MOST_POINTS - 1)
        for name, new, old in zip(Comparison, after.tallies, before.tallies, strict=True):
            key = (str(name), place)
            sums[key] = sums.get(key, Tally()).plus(new.less(old))
    return {
        str(name): tuple(
            Point(begin + place * width, width, tally.compared, tally.mismatched)
            for (which, place), tally in sorted(sums.items())
            if which == name and tally.compared
        )
        for name in Comparison
    }
