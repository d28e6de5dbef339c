"""Which divergences of the farming income are harms: one of them is enough for the guard."""

from collections.abc import Iterable

from shim.guard.evidence import Harm
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.result import Comparison, Outcome, Result


def harms_of(result: Result) -> Iterable[Harm]:
    """Return each harm that a divergence is; one that is known is none.

    Whether legacy raised as well is asked of saying, whether the amount is right of truth.
    """
    if result.noise or result.outcome is not Outcome.MISMATCHED:
        return ()
    if result.comparison is Comparison.TRUTH:
        wrong = any(_is_wrong_amount(each) for each in result.differences)
        return (Harm.WRONG_AMOUNT,) if wrong else ()
    if result.comparison is Comparison.SAYING and any(map(_is_new_error, result.differences)):
        return (Harm.NEW_ERROR,)
    return ()


def _is_wrong_amount(found: Difference) -> bool:
    """Tell whether another amount was returned; one that was not returned is an error."""
    return found.path == "income" and found.kind is not DifferenceKind.MISSING


def _is_new_error(found: Difference) -> bool:
    """Tell whether the canonical raised where legacy did not: the other way is a repair."""
    is_error = found.path == "raised" and found.kind is DifferenceKind.ERROR
    return is_error and found.expected is None and found.actual is not None
