"""The evidence: what the shadow logs of any number of workers allow to be said."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from shim.log_lines import FIRST_MIGRATION, CountsLine
from shim.report_files import Progress, scan_files
from shim.report_groups import Group, groups_of
from shim.report_scan import Scan
from shim.report_tally import Tally, tally_of
from shim.report_time import Begins, JudgedTime, counted, deltas, from_epoch, last_resume, uncounted
from shim.shadow.known import KnownDivergence
from shim.shadow.result import WITH_NOISE, Comparison
from shim.verdict import Judged, Terms, Verdict, judge

MOST_POINTS = 48
"""Points of a line over time."""


@dataclass(frozen=True, slots=True)
class Point:
    """One comparison within `seconds` from `at` on, in unix seconds."""

    at: float
    seconds: float
    compared: int
    diverged: int


@dataclass(slots=True)
class StageNumbers:
    """What was counted at one stage: drops, each comparison's numbers, and its noise floor's."""

    dropped: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    noise: dict[str, Tally] = field(default_factory=dict)


@dataclass(slots=True)
class Report:
    """What the logs say of the time that is `judged`."""

    terms: Terms = field(default_factory=Terms)
    judged_time: JudgedTime = field(default_factory=JudgedTime)
    migration: str = FIRST_MIGRATION
    lines: int = 0
    damaged: int = 0
    other_version: int = 0
    notes: tuple[str, ...] = ()
    """Which files could not be read, or not to their end."""
    workers: int = 0
    routed: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    episodes: int = 0
    forced: int = 0
    stale_legacy: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    comparisons: dict[str, Tally] = field(default_factory=dict)
    noise: dict[str, Tally] = field(default_factory=dict)
    """Legacy compared with itself, in the comparisons in which it can be."""
    matched: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    stages: dict[str, StageNumbers] = field(default_factory=dict)
    over_time: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    latency: dict[str, dict[int, int]] = field(default_factory=dict)
    """For each side how many calls stayed below so many microseconds, by class."""
    activity: dict[str, Counter[str]] = field(default_factory=dict)
    """For each class of how busy users are what was sampled, dropped, compared and left out."""
    callers: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    ungrouped: int = 0
    known: tuple[KnownDivergence, ...] = ()
    """The known divergences that hold when the report is made; logs do not say it."""
    known_problem: str | None = None
    """Why there may be others."""

    @property
    def hits(self) -> dict[str, int]:
        """Return how often each known divergence was met."""
        met: Counter[str] = Counter()
        for group in self.groups:
            if group.known:
                met[group.known] += group.count
        return dict(met)

    def judged(self, comparison: str) -> Judged:
        """Return what can be said of one comparison, over all stages."""
        noise = self.noise.get(comparison)
        return judge(self.comparisons[comparison], self.dropped.total(), self.terms, noise)

    def judged_in(self, stage: str, comparison: str) -> Judged:
        """Return what can be said of one comparison at one stage."""
        numbers = self.stages[stage]
        noise = numbers.noise.get(comparison)
        return judge(numbers.tallies[comparison], numbers.dropped, self.terms, noise)

    def verdict(self, comparison: str) -> Verdict:
        """Return the verdict on one comparison, over all stages."""
        return self.judged(comparison).verdict

    def as_json(self) -> dict[str, object]:
        """Return plain data, with each comparison's verdict beside its numbers."""
        return {
            "migration": self.migration,
            "level": self.terms.level,
            "limit": self.terms.limit,
            "judged": {
                "begins": self.judged_time.begins,
                "epoch": self.judged_time.epoch,
                "at": None if self.judged_time.at is None else self.judged_time.at.isoformat(),
            },
            "lines": self.lines,
            "damaged": self.damaged,
            "other_version": self.other_version,
            "notes": list(self.notes),
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
                stage: {name: asdict(self.judged_in(stage, name)) for name in numbers.tallies}
                for stage, numbers in self.stages.items()
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


def read_logs(
    paths: Iterable[Path],
    *,
    migration: str = FIRST_MIGRATION,
    terms: Terms | None = None,
    since: datetime | None = None,
    whole: bool = False,
    progress: Progress = lambda _: None,
) -> Report:
    """Read whole log files for one migration. Raises OSError.

    What is judged came after `since`, or is the `whole` of it, or else came since the last
    resume. `progress` is told how many bytes were read.
    """
    scan = scan_files(paths, migration=migration, since=since, progress=progress)
    return report_of(scan, terms or Terms(), whole=whole)


def report_of(scan: Scan, terms: Terms, *, whole: bool = False) -> Report:
    """Return what a scan of logs says.

    A worker's counters of a period only grow, so its newest line of them holds all, in whatever
    order the logs are given.
    """
    judged = JudgedTime() if whole else last_resume(scan)
    if scan.since is not None:
        judged = JudgedTime(Begins.MOMENT, at=scan.since)
    scan = from_epoch(scan, judged.epoch or 0)
    report = Report(
        terms,
        judged,
        scan.migration,
        scan.lines,
        scan.damaged,
        scan.other_version,
        tuple(scan.notes),
        len({process for process, *_ in scan.newest}),
        comparisons={str(comparison): Tally() for comparison in Comparison},
        noise={str(comparison): Tally() for comparison in WITH_NOISE},
        reasons={str(comparison): Counter() for comparison in Comparison},
        ungrouped=scan.without_group,
    )
    for counts in counted(scan).values():
        _add(report, counts)
    for stage, name, tally in uncounted(scan):
        numbers = report.stages.setdefault(stage, StageNumbers())
        numbers.tallies[name] = numbers.tallies.get(name, Tally()).plus(tally)
        report.comparisons[name] = report.comparisons[name].plus(tally)
    report.over_time = _over_time(scan)
    report.groups, report.callers, report.kinds = groups_of(scan)
    return report


def _add(report: Report, counts: CountsLine) -> None:
    _add_stage(report.stages.setdefault(counts.stage, StageNumbers()), counts)
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
    for name, noise in report.noise.items():
        report.noise[name] = noise.plus(tally_of(counts.noise.get(Comparison(name))))
    for name, sums in counts.activity.items():
        report.activity.setdefault(name, Counter()).update(sums)
    for side, classes in counts.latency.items():
        known = Counter(report.latency.get(side, {}))
        known.update(classes)
        report.latency[side] = dict(sorted(known.items()))


def _add_stage(stage: StageNumbers, counts: CountsLine) -> None:
    stage.dropped += sum(counts.dropped.values())
    for sums, names, found in (
        (stage.tallies, Comparison, counts.comparisons),
        (stage.noise, WITH_NOISE, counts.noise),
    ):
        for name in names:
            sums[str(name)] = sums.get(str(name), Tally()).plus(tally_of(found.get(name)))


def _over_time(scan: Scan) -> dict[str, tuple[Point, ...]]:
    steps = deltas(scan)
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
