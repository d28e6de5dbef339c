"""The known divergence of the farming income that is shipped: how it is rounded."""

from shim.shadow.differences import DifferenceKind
from shim.shadow.known import KnownDivergence, Rule
from shim.shadow.result import Comparison

ROUNDED_TO_NEAREST = "income-rounded-to-nearest"
"""Belongs to saying and excuses nothing else.

The canonical has exactly one millionth more: `shim.income.judge` calls that `rounded`, so that
the rule, and a fingerprint, mean it and no other difference.
"""

SHIPPED = (
    KnownDivergence(
        id=ROUNDED_TO_NEAREST,
        rule=Rule(Comparison.SAYING, path="rounded", kind=DifferenceKind.VALUE),
        owner="the migration",
        reason="the legacy rounds down, the canonical to the nearest millionth: it is to stay",
        until=None,
        stays=True,
    ),
)
