"""The report as text for a terminal."""

from collections.abc import Mapping

from app.activity import activity_row
from app.known_words import known_lines
from shim.report import Judged, Report

SHOWN = 20
"""Groups, and callers, that a terminal has room for."""


def describe(report: Report) -> str:
    """Return the report as text; a rate never stands without what it was taken of."""
    return "\n".join([*_head(report), *_verdicts(report), *_known(report), *_found(report)])


def _head(report: Report) -> list[str]:
    return [
        f"{report.lines} lines of {report.workers} workers, {report.damaged} damaged,"
        f" {report.other_version} of another version",
        *(f"note: {note}" for note in report.notes),
        f"judged: {report.judged_time}{_rest(report)}",
        f"{report.migration}: routed " + (pairs(report.routed) or "nothing"),
        f"sampled {report.calls} calls in {report.episodes} episodes, {report.forced} closed by"
        f" force; dropped {pairs(report.dropped) or 'none'};"
        f" stale legacy frames {report.stale_legacy}",
        "",
    ]


def _rest(report: Report) -> str:
    """Return how to see what was left out."""
    return "; --all judges what came before, too" if report.judged_time.begins != "start" else ""


def _verdicts(report: Report) -> list[str]:
    level = f"{report.terms.level * 100:.6g} %"
    lines = [
        f"{'stage':<11} {'comparison':<10} {'verdict':<12} {'compared':>9} {'known':>7}"
        f" {'diverged':>8} {'rate':>8} {'at most':>8} {'noise':>12} {'beyond':>8}  not compared",
    ]
    for stage, numbers in report.stages.items():
        lines += [_verdict(stage, name, report.judged_in(stage, name)) for name in numbers.tallies]
    lines += [
        _verdict("all", name, report.judged(name)) + _of(report.reasons.get(name, {}))
        for name in report.comparisons
    ]
    lines += [activity_words(name, sums) for name, sums in sorted(report.activity.items())]
    return [
        *lines,
        f"'at most' is the exact one-sided upper bound of the rate at {level}",
        "'noise' is how often legacy differed from itself, of how many; 'beyond' is 'at most' less",
        f"the exact one-sided lower bound of that rate at {level}, and never below 0",
    ]


def _verdict(stage: str, name: str, judged: Judged) -> str:
    return (
        f"{stage:<11} {name:<10} {judged.verdict:<12} {judged.compared:>9} {judged.known:>7}"
        f" {judged.diverged:>8} {share(judged.rate):>8} {share(judged.bound):>8}"
        f" {noise_words(judged):>12} {share(judged.beyond_noise):>8}  {judged.not_compared}"
    )


def noise_words(judged: Judged) -> str:
    """Return how often legacy differed from itself, and of how many."""
    noise = judged.noise
    return "-" if noise is None else f"{noise.diverged} of {noise.compared}"


def _known(report: Report) -> list[str]:
    lines = ["", "known divergences, which count as none in each verdict above:"]
    lines += [f"  {line}" for line in known_lines(report.known, report.hits)]
    return [*lines, f"  {report.known_problem}"] if report.known_problem else lines


def activity_words(name: str, sums: Mapping[str, int]) -> str:
    """Return what was left out of the users of one class, and of how much."""
    row, left_out = activity_row(name, sums), {w: n for w, n in sums.items() if ":" in w}
    return (
        f"users with {name} activity: {row.sampled} calls sampled, {row.compared} compared,"
        f" {share(row.rate)} left out: {pairs(left_out) or 'nothing'}"
    )


def _of(reasons: Mapping[str, int]) -> str:
    return f": {pairs(reasons)}" if any(reasons.values()) else ""


def _found(report: Report) -> list[str]:
    if not report.groups:
        return []
    lines = [
        "",
        f"by kind: {pairs(report.kinds)}",
        f"by caller: {pairs(dict(list(report.callers.items())[:SHOWN]))}",
        "",
        "divergences, most frequent first:",
    ]
    for group in report.groups[:SHOWN]:
        known = f" known as {group.known}" if group.known else ""
        lines.append(
            f"  {group.fingerprint} {group.count:>6} x {group.comparison}{known},"
            f" {group.first} to {group.last}: {', '.join(group.differences)}"
        )
    rest = report.groups[SHOWN:]
    if rest or report.ungrouped:
        more = sum(group.count for group in rest) + report.ungrouped
        lines.append(f"  and {more} divergences with other fingerprints")
    return lines


def pairs(counts: Mapping[str, int]) -> str:
    """Return counts as words, those of nothing left out."""
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items()) if n)


def share(rate: float | None) -> str:
    """Return a rate as a percentage that fits a column."""
    return "-" if rate is None else f"{rate * 100:.3g} %"
