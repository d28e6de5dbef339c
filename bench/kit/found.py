"""What came of the candidates that were played, as rows of the benchmark's table."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.kit.mutants import Mutant
from bench.kit.table import Row
from bench.kit.trials import Result

MOST_NOT_COMPARED = 5.0
"""Percent of the comparisons that may be left out: raced, dropped and all other reasons."""


@dataclass(slots=True)
class Played:
    """A mutant with what came of it. `live` is there only where nothing was flagged."""

    mutant: Mutant
    shadow: Result
    live: Result | None = None

    @property
    def died(self) -> bool:
        """Whether its process did not live to tell: nobody could have been moved to it."""
        return "died" in self.shadow

    @property
    def flagged(self) -> bool:
        """Whether an operator was told."""
        return self.died or bool(self.shadow["flagged_by"])

    @property
    def by(self) -> str:
        """Which comparisons differed first; else which verdict is no pass, empty if all pass."""
        if self.died:
            return f"does not run: {self.shadow['died']}"
        return ", ".join(self.shadow["by"] or self.shadow["flagged_by"])

    @property
    def compared(self) -> int:
        """How many comparisons were made in all."""
        return 0 if self.died else int(self.shadow["compared"])

    @property
    def visible(self) -> bool:
        """Whether it was not flagged, and a browser was shown something that is not so."""
        return self.live is not None and ("died" in self.live or bool(self.live["problems"]))

    @property
    def unexplained(self) -> bool:
        """Whether it was not flagged, and nobody has said why nobody could notice it."""
        return not self.flagged and self.mutant.unnoticed is None

    @property
    def why(self) -> str:
        """Return why it was not flagged."""
        return self.mutant.unnoticed or "nobody has said why: look at it"

    def __str__(self) -> str:
        """Return one line: what came of it, and its fault."""
        return f"  {self.mutant.name:<28} {self._outcome():<64} {self.mutant.fault}"

    def _outcome(self) -> str:
        if self.died:
            return f"does not run: {self.shadow['died']}"[:64]
        if self.flagged:
            at = self.shadow["to_flag"]
            when = f"after {at:,}" if at is not None else "by the verdict"
            return f"{when}: {'; '.join(self.shadow['places'] or self.shadow['flagged_by'])}"[:64]
        return f"not flagged in {self.compared:,}; {self._live()}; {self.why}"

    def _live(self) -> str:
        if self.live is None:
            return "not played live"
        if "died" in self.live:
            return f"live it ended: {self.live['died']}"
        if self.visible:
            return f"live: {self.live['problems']}"
        return f"live all {self.live['frames']:,} frames were right"


def candidate_row(played: Played) -> Row:
    """Return whether a candidate was flagged, after how many comparisons, and by which."""
    right = played.mutant.file is None
    at = None if played.died else played.shadow["to_flag"]
    return Row(
        played.mutant.name,
        "flagged",
        "",
        int(played.flagged),
        0 if right else 1,
        at_least=not right,
        name=played.mutant.name,
        more={
            "comparisons": played.compared if at is None else at,
            "by": played.by,
            "places": [] if played.died else played.shadow["places"],
            "fault": played.mutant.fault,
        },
    )


def figures_of(played: Sequence[Played], *, told: bool) -> list[Row]:
    """Return the figures of wrong candidates together, then the way to the flag of each.

    `told` says that a reason is promised for whatever is not flagged.
    """
    lived = [each for each in played if not each.died]
    by_difference = [each for each in lived if each.shadow["to_flag"] is not None]
    first = [each.shadow["to_flag"] for each in by_difference]
    # Those that are flagged because so much could not be compared are no measure of how much can.
    judged = [each for each in lived if each in by_difference or not each.flagged]
    return [
        Row("flagged", "", "", sum(each.flagged for each in played)),
        Row("not flagged", "", "", sum(not each.flagged for each in played)),
        Row("not flagged, though a browser sees it", "", "", sum(e.visible for e in played), 0),
        Row(
            "not flagged, and no reason is known",
            "",
            "",
            sum(e.unexplained for e in played),
            0 if told else None,
        ),
        Row(
            "frames of theirs that reached a page",
            "",
            "",
            sum(e.shadow["served"] for e in lived),
            0,
        ),
        Row("comparisons to the first flag", "median", "", statistics.median(first or [0])),
        Row("comparisons to the first flag", "most", "", max(first, default=0)),
        *_left_out_rows(judged),
        *(Row(e.mutant.name, "to the first flag", "", e.shadow["to_flag"]) for e in by_difference),
    ]


def _left_out_rows(played: Sequence[Played]) -> list[Row]:
    """Return how much was not compared, for which reason, and with which candidates above all.

    A candidate that does not come back, or has always something pending, is left out by its own
    doing; what is left out with the right candidate as well is the benchmark's, or the machine's.
    """
    every: Counter[str] = Counter()
    for each in played:
        every.update(each.shadow["reasons"])
    made = every.total() + sum(each.shadow["compared"] for each in played)
    shares = [(each.mutant.name, not_compared([each.shadow])) for each in played]
    left_out = not_compared(each.shadow for each in played)
    return [
        Row("not compared", "", "%", left_out, MOST_NOT_COMPARED, digits=2),
        *(
            Row("not compared", reason, "%", 100 * number / made, digits=2)
            for reason, number in every.most_common()
            if number
        ),
        *(
            Row(name, "not compared", "%", share, digits=2)
            for name, share in shares
            if share > MOST_NOT_COMPARED
        ),
    ]


def soak_rows(name: str, result: Result) -> list[Row]:
    """Return the figures of the right candidate under one kind of traffic."""
    diverged = result["diverged"]
    false = sum(diverged.values()) - result["legacys_fault"]
    return [
        Row(name, "comparisons", "", result["compared"]),
        Row(name, "episodes", "", result["episodes"]),
        Row(name, "seconds", "", result["seconds"]),
        Row(name, "differences of truth", "", diverged["truth"], 0),
        Row(name, "of reach", "", diverged["reach"], 0),
        Row(name, "of saying", "", diverged["saying"]),
        Row(name, "shown to be legacy's fault", "", result["legacys_fault"]),
        Row(name, "false", "", false, 0),
        Row(name, "not compared", "%", not_compared([result]), MOST_NOT_COMPARED, digits=2),
        *(Row(name, f"left out: {why}", "", n) for why, n in result["reasons"].items() if n),
    ]


def not_compared(results: Iterable[Result]) -> float:
    """Return the percentage of comparisons that were left out, over all these runs."""
    results = list(results)
    left_out = sum(result["not_compared"] for result in results)
    return 100 * left_out / max(left_out + sum(result["compared"] for result in results), 1)
