"""Judges everything that is guarded of one migration: each comparison, and what has none.

Alpha is divided evenly among the comparisons, and then by the rule of `shim.guard.ruling`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shim.guard.limits import GuardLimits
from shim.guard.ruling import Memory, Ruling, State, judge
from shim.guard.totals import Context, Totals, evidence_of
from shim.shadow.ledger_store import DRILL
from shim.shadow.result import Comparison

_WORST_FIRST = (State.BREACHED, State.NOT_RUNNING, State.INCONCLUSIVE, State.HEALTHY)


@dataclass(frozen=True, slots=True)
class Guarded:
    """What is judged, and by which limits.

    By default the truth alone. Where it holds and saying differs, legacy is the one that is
    off, and a rollback would move users to the side that is wrong; where reach differs, more
    users are told than production tells, which is what the migration is for.
    """

    limits: GuardLimits = field(default_factory=GuardLimits)
    comparisons: tuple[str, ...] = (Comparison.TRUTH,)


Memories = Mapping[str, Memory]
"""How far the tests of each comparison are."""


def judge_all(
    new: Totals, guarded: Guarded, memories: Memories, *, context: Context, alone: bool = False
) -> tuple[Ruling, dict[str, Memory]]:
    """Return the worst ruling on what is `new`, and what to remember for the next look."""
    share = replace(guarded.limits, alpha=guarded.limits.alpha / len(guarded.comparisons))
    rulings, remembered = [], {}
    for comparison in guarded.comparisons:
        ruling, remembered[comparison] = judge(
            evidence_of(new, comparison, context),
            share,
            memories.get(comparison, Memory()),
            alone=alone,
        )
        rulings.append(ruling)
    worst = min(rulings, key=lambda ruling: _WORST_FIRST.index(ruling.state))
    if worst.state is not State.BREACHED and new.get(DRILL):
        return Ruling(State.BREACHED, DRILL, "drill: a synthetic divergence was seen"), remembered
    return worst, remembered
