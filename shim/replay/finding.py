"""What a replay finds, judged by what the case says of then and a run says of now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shim.log_records import DifferenceRecord
from shim.replay.case import Case, Source
from shim.shadow.counts import Counts
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.episode import Episode
from shim.shadow.result import Comparison, Outcome, Result

LATENCY = (
    "how long the sides took: a latency is no property of what was recorded, and a run has a clock"
    " of its own"
)
"""What every case lacks that is about time, but for truth: there only the shadow's own clock tells,
which is a virtual one then as now."""


class Finding(StrEnum):
    """What a replay finds in the comparison that the case is about."""

    STILL_DIVERGES = "still_diverges"
    DIVERGES_OTHERWISE = "diverges_otherwise"
    """It differs, in another place or way."""
    NO_LONGER_DIVERGES = "no_longer_diverges"
    NOT_SHOWN = "not_shown"
    """It does not differ, which says little: the case lacks inputs, as those of a log do."""
    NOT_DECIDABLE = "not_decidable"
    """It is a latency, which no run offline can tell to be there still or to be gone."""
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. `lacks` is what was asked for and is not in the case."""

    finding: Finding
    results: dict[Comparison, Result]
    episode: Episode
    lacks: tuple[str, ...]


def judged(
    case: Case,
    published: Mapping[Comparison, Result],
    counts: Counts,
    episode: Episode,
    lacks: Iterable[str] = (),
) -> Replayed:
    """Return what a run of a case found: what it published, and why it could not compare."""
    reasons = dict(counts.reasons)
    results = dict(published)
    for comparison in Comparison:
        reason = next((why for which, why in reasons if which is comparison), None)
        outcome = Outcome.MATCHED if reason is None else Outcome.NOT_COMPARED
        results.setdefault(comparison, Result(comparison, outcome, reason))
    timed = case.comparison is not Comparison.TRUTH and any(
        each.kind is DifferenceKind.LATENCY_CLASS for each in case.differences
    )
    return Replayed(
        _finding(case, results[case.comparison], timed=timed),
        results,
        episode,
        (*case.lacks, *lacks, *([LATENCY] if timed else [])),
    )


def _finding(case: Case, result: Result, *, timed: bool) -> Finding:
    if result.outcome is Outcome.NOT_COMPARED:
        return Finding.NOT_COMPARED
    if result.outcome is Outcome.MATCHED:
        if timed:
            return Finding.NOT_DECIDABLE
        whole = case.source is Source.RECORD
        return Finding.NO_LONGER_DIVERGES if whole else Finding.NOT_SHOWN
    same = result.fingerprint == case.fingerprint
    if timed:  # the rest of it can be told, and makes a fingerprint of its own
        same = _apart_from_time(case.differences) == _apart_from_time(result.differences)
    return Finding.STILL_DIVERGES if same else Finding.DIVERGES_OTHERWISE


def _apart_from_time(
    differences: Iterable[Difference | DifferenceRecord],
) -> set[tuple[str, DifferenceKind]]:
    return {
        (each.path, each.kind)
        for each in differences
        if each.kind is not DifferenceKind.LATENCY_CLASS
    }
