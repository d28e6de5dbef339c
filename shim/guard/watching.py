"""One look of the guard over all workers: from the record and the ledger to the next record.

A pure function, so that whoever holds the lease next goes on exactly where the last one was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shim.guard.judging import Guarded, judge_all
from shim.guard.record import GuardRecord, Step
from shim.guard.totals import Context, Totals, compared_by_caller, since
from shim.shadow.ledger_store import DRILL


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen: the latch's epoch, the percentage, all totals, and how long ago the last was.

    `elapsed` are the seconds since this process looked before, 0 at its first look.
    """

    epoch: int
    percentage: int
    totals: Totals
    elapsed: float = 0.0
    context: Context = field(default_factory=Context)


def watched(record: GuardRecord | None, look: Look, guarded: Guarded) -> GuardRecord:
    """Return the next record, with its ruling. Not to be asked while the latch is engaged.

    A new epoch means that a person resumed: all begins anew with what was counted by then. After
    a drill nothing does, for a drill proves nothing of the canonical.
    """
    if record is None:
        record = _begun(look, guarded)
    elif record.epoch != look.epoch:
        record = _after_drill(record, look) if is_drill(record) else _begun(look, guarded)
    new = since(look.totals, record.baseline)
    ruling, memories = judge_all(new, guarded, record.memories, context=look.context)
    return replace(
        record, memories=memories, ruling=ruling, step=_stood(record.step, look, guarded)
    )


def is_drill(record: GuardRecord) -> bool:
    """Tell whether what was ruled last was no more than a drill."""
    return record.ruling.limit == DRILL


def compared_since(step: Step, totals: Totals, guarded: Guarded) -> Mapping[str, int]:
    """Return what was compared of every caller since a step began."""
    return {
        caller: max(0, count - step.compared.get(caller, 0))
        for caller, count in compared_by_caller(totals, guarded.comparisons).items()
    }


def _begun(look: Look, guarded: Guarded) -> GuardRecord:
    ruling, memories = judge_all({}, guarded, {}, context=look.context)
    step = Step(look.percentage, 0.0, compared_by_caller(look.totals, guarded.comparisons))
    return GuardRecord(look.epoch, dict(look.totals), memories, ruling, step)


def _after_drill(record: GuardRecord, look: Look) -> GuardRecord:
    drills = {DRILL: look.totals.get(DRILL, 0)}
    return replace(record, epoch=look.epoch, baseline={**record.baseline, **drills})


def _stood(step: Step, look: Look, guarded: Guarded) -> Step:
    if step.percentage != look.percentage:
        return Step(look.percentage, 0.0, compared_by_caller(look.totals, guarded.comparisons))
    return replace(step, seconds=step.seconds + look.elapsed)
