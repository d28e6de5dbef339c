"""Which divergences of balance notifications are harms: one of them is enough for the guard.

A frame that a page was not to get is one for a wrong recipient, whoever it was meant for: on a
stranger's page, or with another user's id in it. A hint on the bus that names another user is
none: whoever hears it only looks into the database.
"""

from collections.abc import Iterable

from shim.guard.evidence import Harm
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.result import Comparison, Outcome, Result

AMOUNTS = frozenset({"uni", "ton", "change_uni", "change_ton"})


def harms_of(result: Result) -> Iterable[Harm]:
    """Return each harm that a divergence is; one that is known is none.

    Reach tells of errors, for it is compared whenever saying is.
    """
    if result.noise or result.outcome is not Outcome.MISMATCHED:
        return ()
    if result.comparison is Comparison.TRUTH:
        return {harm for each in result.differences if (harm := _in_truth(each)) is not None}
    if result.comparison is Comparison.REACH and any(map(_is_new_error, result.differences)):
        return (Harm.NEW_ERROR,)
    return ()


def _in_truth(found: Difference) -> Harm | None:
    place, _, last = found.path.rpartition(".")
    names_another = place.startswith(("recipients", "life.pages")) and last == "user"
    if found.kind is DifferenceKind.RECIPIENT or names_another:
        return Harm.WRONG_RECIPIENT
    if found.path == "recipients.*" and found.kind is DifferenceKind.EXTRA:
        return Harm.WRONG_RECIPIENT
    return Harm.WRONG_AMOUNT if last in AMOUNTS else None


def _is_new_error(found: Difference) -> bool:
    """Tell whether the canonical raised where production did not: the other way is a repair.

    An episode may have several calls: what production raised in one is no excuse for another.
    """
    if found.path != "raised" or found.kind is not DifferenceKind.ERROR:
        return False
    production, canonical = found.expected, found.actual
    if not isinstance(production, list) or not isinstance(canonical, list):
        return False
    return len(canonical) > len(production)
