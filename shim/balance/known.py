"""The known divergence that is shipped: the fault that the migration repairs."""

from shim.shadow.differences import DifferenceKind
from shim.shadow.known import KnownDivergence, Rule
from shim.shadow.result import Comparison

LEGACY_REACHES_NOBODY = "legacy-reaches-nobody"
"""Belongs to reach and excuses nothing else.

It is narrower than its rule can say: production told nobody, and was asked by the
user-id-only path alone. `shim.balance.judge` decides that.
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
)
