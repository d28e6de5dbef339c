"""Results, batches and a clock for the tests of the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shim.shadow.counts import Cell
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.ledger import GroupDelta, GroupKey, Sample
from shim.shadow.ledger_store import Batch, Epoch
from shim.shadow.result import Comparison, Outcome, Result

AT = datetime(2031, 1, 1, tzinfo=UTC)
FARMING = Cell("farming", "legacy", "", "sampled")


class Clock:
    """A time of day that is set by hand."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def jump(self, seconds: float) -> None:
        """Go on, or back."""
        self.now += timedelta(seconds=seconds)


def mismatch(mark: str = "f1", *, known: str | None = None) -> Result:
    """Return a divergence of reach."""
    found = (Difference("recipients.*", DifferenceKind.MISSING, "a", None),)
    outcome = Outcome.KNOWN if known else Outcome.MISMATCHED
    return Result(Comparison.REACH, outcome, None, found, mark, known)


def delta(mark: str = "f1", count: int = 1, **changes: Any) -> GroupDelta:
    """Return what is new in one group; `at` is when it was seen, `known` as what."""
    at = changes.get("at", AT)
    samples: Sequence[int] = changes.get("samples", ())
    return GroupDelta(
        GroupKey("reach", mark, changes.get("known", ""), changes.get("epoch", 0)),
        ("recipients.* missing",),
        count,
        at,
        at,
        changes.get("callers", {"farming": count}),
        tuple(Sample(number, f'{{"n": {number}, "of": "{mark}"}}') for number in samples),
    )


def batch(
    number: int,
    *groups: GroupDelta,
    writer: str = "one",
    counters: dict[Cell, int] | None = None,
    epochs: tuple[Epoch, ...] = (),
) -> Batch:
    """Return a batch."""
    return Batch(writer, number, counters or {}, groups, epochs)
