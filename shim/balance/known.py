"""The known divergences that are shipped: faults of legacy that the migration repairs."""

from dataclasses import replace

from shim.shadow.differences import DifferenceKind, differences
from shim.shadow.known import KnownDivergence, Rule
from shim.shadow.result import Comparison, Judgement

LEGACY_REACHES_NOBODY = "legacy-reaches-nobody"
"""Belongs to reach and excuses nothing else.

It is narrower than its rule can say: production told nobody, and was asked by the
user-id-only path alone. `shim.balance.judge` decides that.
"""
DEAD_TAB_IN_REACH, DEAD_TAB_IN_SAYING = "dead-tab-skips-next", "dead-tab-skips-next-saying"
"""Whoever stands after a dead connection is not sent the frame that finds it dead.

Each belongs to one comparison and excuses nothing else. Both are narrower than their rules can
say: `shim.balance.dead_tabs` decides that.
"""
OLDER_COMES_LAST = "older-balance-comes-last"
"""Legacy sends what a caller handed over after something newer that it has read.

It is narrower than its rule can say: `shim.balance.older` decides that.
"""

SHIPPED = (
    KnownDivergence(
        id=LEGACY_REACHES_NOBODY,
        rule=Rule(Comparison.REACH, path="recipients.*", kind=DifferenceKind.EXTRA),
        owner="the migration",
        reason="the service that is asked to notify holds no connection: what is being repaired",
        until=None,
        stays=True,
    ),
    *(
        KnownDivergence(
            id=id_,
            rule=Rule(comparison, path="skipped.*", kind=DifferenceKind.EXTRA),
            owner="the migration",
            reason="legacy drops a dead connection while it sends, and skips the live one after it",
            until=None,
            stays=True,
        )
        for id_, comparison in (
            (DEAD_TAB_IN_REACH, Comparison.REACH),
            (DEAD_TAB_IN_SAYING, Comparison.SAYING),
        )
    ),
    KnownDivergence(
        id=OLDER_COMES_LAST,
        rule=Rule(Comparison.SAYING, path="last", kind=DifferenceKind.VALUE),
        owner="the migration",
        reason="where a boost and another income come together legacy sends the caller's balance"
        " last, and it is older than what it has sent before",
        until=None,
        stays=True,
    ),
)
SHIPPED_IDS = tuple(each.id for each in SHIPPED)


def known_if_mended(
    judgement: Judgement, mended: object, *, known: str, expected: object, actual: object
) -> Judgement:
    """Return the judgement as that of a fault, if there is a difference and it is just that.

    `mended` is what would have been expected without the fault. `expected` and `actual` say in
    short what the fault is.
    """
    if not differences(judgement.expected, judgement.actual):
        return judgement
    if differences(mended, judgement.actual):
        return judgement
    return replace(judgement, expected=expected, actual=actual, known=known)
