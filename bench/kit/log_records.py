"""Divergences for the benchmarks: of the size and shape that a real one has."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shim.log_records import CallRecord, DecisionRecord, DifferenceRecord, Divergence
from shim.shadow.differences import DifferenceKind
from shim.shadow.result import Comparison, Outcome

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = {"host": "host", "worker": 1, "started": 1.5}
"""What every line has; the publisher adds the version."""
_CALLERS = [f"batch.book_{number}" for number in range(8)]
_KINDS = (DifferenceKind.MISSING, DifferenceKind.VALUE, DifferenceKind.EXTRA)


def divergences(count: int, *, seed: int = 1, brief: bool = False) -> Iterator[Divergence]:
    """Yield as many divergences, two hundred a second, with forty fingerprints.

    A brief one has no decision; as a line it takes some 440 bytes.
    """
    chance = random.Random(seed)
    decision = DecisionRecord(False, "not_reached", "embedded", 17, 3, False, 0.25)
    comparisons = tuple(Comparison)
    for number in range(count):
        shape = chance.randrange(40)
        caller = CallRecord("user_id_only", _CALLERS[chance.randrange(8)])
        amount = Decimal(chance.randrange(10**9)).scaleb(-6)
        found = DifferenceRecord("uni", _KINDS[shape % 3], amount, amount + 1)
        yield Divergence(
            at=BEGIN + timedelta(milliseconds=5 * number),
            stage="shadow",
            comparison=comparisons[shape % 3],
            outcome=Outcome.MISMATCHED,
            known=None,
            fingerprint=f"{shape:016x}",
            number=number + 1,
            user="a1b2c3d4e5f60718",
            serving="canonical" if brief else "user_id_only",
            decision=None if brief else decision,
            calls=(caller,),
            seconds=0.1042,
            differences=(found,),
        )
