"""The three comparisons of one call, as pairs of structures to be compared.

*reach* asks whether a deposit is paid at all; *truth* whether the canonical returns what the
deposit, as the database had it, has earned; *saying* whether both calculations return the same.
"""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

from shim.exact import WIDE
from shim.income.known import ROUNDED_TO_NEAREST
from shim.income.ports import Farmed
from shim.shadow.differences import Errors
from shim.shadow.observation import CallOutcome
from shim.shadow.result import Comparison, Judgement
from shim.shadow.words import in_words

MILLIONTH = Decimal("0.000001")
_MICROSECOND = timedelta(microseconds=1)


def judge(farmed: Farmed, legacy: CallOutcome, canonical: CallOutcome) -> list[Judgement]:
    """Return the judgement of each comparison."""
    return [
        Judgement(
            Comparison.REACH,
            expected={"paid": _pays(legacy)},
            actual={"paid": _pays(canonical)},
        ),
        Judgement(
            Comparison.TRUTH,
            expected={"raised": Errors(None), "income": earned(farmed)},
            actual=_said(canonical),
        ),
        _saying(legacy, canonical),
    ]


def earned(farmed: Farmed) -> Decimal:
    """Return what the deposit has earned, worked out in fractions: a second way, and exact."""
    elapsed = max(farmed.until - farmed.since, timedelta(0))
    days = Fraction(elapsed // _MICROSECOND, timedelta(days=1) // _MICROSECOND)
    millionths = Fraction(farmed.amount) * Fraction(farmed.daily_rate) * days * 1_000_000
    return Decimal(floor(millionths + Fraction(1, 2))).scaleb(-6, context=WIDE)


def plain(value: object) -> Decimal | str:
    """Return an amount as it is, and anything else as words: it may do what it likes if asked."""
    if type(value) is Decimal and value.is_finite():
        return value
    if value is None or type(value) in (bool, int, float, str, Decimal):
        return f"{type(value).__name__} {in_words(value)}"[:200]
    return f"a {type(value).__name__}"


def _saying(legacy: CallOutcome, canonical: CallOutcome) -> Judgement:
    if not _rounded(legacy, canonical):
        return Judgement(Comparison.SAYING, expected=_said(legacy), actual=_said(canonical))
    return Judgement(
        Comparison.SAYING,
        expected={"rounded": plain(legacy.value)},
        actual={"rounded": plain(canonical.value)},
        known=ROUNDED_TO_NEAREST,
    )


def _pays(outcome: CallOutcome) -> bool:
    value = plain(outcome.value)
    return outcome.raised is None and isinstance(value, Decimal) and value > 0


def _said(outcome: CallOutcome) -> dict[str, object]:
    if outcome.raised is not None:
        return {"raised": Errors(f"{outcome.raised.kind}: {outcome.raised.message}")}
    return {"raised": Errors(None), "income": plain(outcome.value)}


def _rounded(legacy: CallOutcome, canonical: CallOutcome) -> bool:
    """Tell whether the canonical has exactly a millionth more, as rounding may make it."""
    low, high = plain(legacy.value), plain(canonical.value)
    return isinstance(low, Decimal) and isinstance(high, Decimal) and high - low == MILLIONTH
