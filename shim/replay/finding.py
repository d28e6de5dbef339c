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
from shim.shadow.spells import THREADS

MANY_EPISODES = (
    "what many episodes showed together, as how long the sides took or which threads they left:"
    " it is no property of the one that was recorded"
)
"""What a case of a spell lacks. A latency of truth is none: there only the shadow's clock tells,
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
    """It took many episodes to see: no run of one can tell it to be there still or to be gone."""
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
    spell = case.comparison is not Comparison.TRUTH and any(map(_is_spell, case.differences))
    return Replayed(
        _finding(case, results[case.comparison], spell=spell),
        results,
        episode,
        (*case.lacks, *lacks, *([MANY_EPISODES] if spell else [])),
    )


def _finding(case: Case, result: Result, *, spell: bool) -> Finding:
    if result.outcome is Outcome.NOT_COMPARED:
        return Finding.NOT_COMPARED
    if result.outcome is Outcome.MATCHED:
        if spell:
            return Finding.NOT_DECIDABLE
        whole = case.source is Source.RECORD and not case.lacks
        return Finding.NO_LONGER_DIVERGES if whole else Finding.NOT_SHOWN
    same = result.fingerprint == case.fingerprint
    if spell:  # the rest of it can be told, and makes a fingerprint of its own
        same = _without_spells(case.differences) == _without_spells(result.differences)
    return Finding.STILL_DIVERGES if same else Finding.DIVERGES_OTHERWISE


def _without_spells(
    differences: Iterable[Difference | DifferenceRecord],
) -> set[tuple[str, DifferenceKind]]:
    return {(each.path, each.kind) for each in differences if not _is_spell(each)}


def _is_spell(difference: Difference | DifferenceRecord) -> bool:
    return difference.kind is DifferenceKind.LATENCY_CLASS or difference.path == THREADS
