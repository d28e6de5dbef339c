"""Practises a rollback in a running system: a synthetic divergence, the trip, and back."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.guard_said import guard_said
from app.guard_trip import WHO
from app.parts import Parts
from app.rollout import Order, RolloutError, current_stage, recorded
from app.rollout_waiting import wait_for_latch
from app.rollout_words import latch_words, worker_words
from flags.confirmation import Confirmation
from flags.latch import Latch
from flags.stage import Stage
from shim.guard.ruling import State
from shim.shadow.ledger import GroupDelta, GroupKey
from shim.shadow.ledger_store import DRILL, Batch, LedgerError
from shim.shadow.period import END_OF_DRILL

TRIP_S = 10.0
"""Seconds that the guard has."""
READY_S = 5.0
"""Seconds that it has to be at work after a resume."""
_POLL_S = 0.005
_MARK = f": {DRILL}: "


@dataclass(frozen=True, slots=True)
class Drilled:
    """How long it took: from the divergence to the trip, to the last worker, and to the end."""

    tripped_ms: float
    followed_ms: float
    resumed_ms: float
    workers: int

    def __str__(self) -> str:
        """Return the times as the history shows them."""
        return (
            f"tripped after {self.tripped_ms:.0f} ms, followed by {self.workers} workers after"
            f" {self.followed_ms:.0f} ms, resumed after {self.resumed_ms:.0f} ms"
        )


def drill(parts: Parts, order: Order) -> Drilled:
    """Have the guard trip on a synthetic divergence, wait for all workers, and let go again.

    Flags are not touched, so the same users are served as before. Raises RolloutError: where
    somebody else rolled back meanwhile, or turned the flags, the latch stays.
    """
    epoch, flags = _ready(parts), _flags(parts)
    began = time.monotonic()
    _diverge(parts)
    latch = _tripped(parts, epoch)
    tripped = _ms(began)
    confirmation = wait_for_latch(parts, latch)
    followed = _ms(began)
    _refuse_others(parts, latch, flags)
    released = parts.kill_switch.release(who=order.who, why=f"{END_OF_DRILL}{order.why}")
    if released.engaged:
        raise RolloutError(f"not resumed: the latch is {latch_words(released)}")
    resumed = wait_for_latch(parts, released)
    done = Drilled(tripped, followed, _ms(began), len(confirmation.confirmed))
    recorded(parts, order, "drill", Stage.ROLLED_BACK, f"{current_stage(parts)}: {done}")
    _refuse_laggards(parts, confirmation, "the rollback")
    _refuse_laggards(parts, resumed, "the resume")
    return done


def _ready(parts: Parts) -> int:
    """Return the epoch to trip at. Raises RolloutError if there is nothing to practise."""
    stage = current_stage(parts)
    if stage not in (Stage.RAMP, Stage.COMPLETE):
        raise RolloutError(
            f"no drill: canonical serves nobody at the stage {stage}, so nothing can be rolled back"
        )
    if parts.settings.guard.on:
        _eventually(lambda: guard_said(parts).ruling.state is not State.NOT_RUNNING, READY_S)
    ruling = guard_said(parts).ruling
    if ruling.state in (State.NOT_RUNNING, State.BREACHED):
        raise RolloutError(f"no drill: the guard says {ruling.state}: {ruling.message}")
    return parts.kill_switch.latch.epoch


def _diverge(parts: Parts) -> None:
    now = datetime.now(UTC)
    writer = f"{DRILL}:{uuid.uuid4().hex}:{parts.pair.migration}"
    group = GroupDelta(GroupKey(DRILL, DRILL, ""), (), 1, now, now, {})
    try:
        parts.ledger.add(Batch(writer, 1, {}, (group,)))
    except LedgerError as error:
        raise RolloutError(f"no drill: {error}") from error


def _tripped(parts: Parts, epoch: int) -> Latch:
    def engaged() -> bool:
        parts.kill_switch.poll()
        return parts.kill_switch.latch.engaged and parts.kill_switch.latch.epoch > epoch

    if not _eventually(engaged, TRIP_S):
        raise RolloutError(
            f"the guard did not trip within {TRIP_S:g} s of a synthetic divergence: it would not"
            " have pulled the cord. Look for `guard_failed` in the log, and roll back by hand if in"
            " doubt"
        )
    latch = parts.kill_switch.latch
    if latch.who != WHO or _MARK not in latch.why:
        raise RolloutError(f"not resumed, that was no drill: the latch is {latch_words(latch)}")
    return latch


def _refuse_others(parts: Parts, latch: Latch, flags: object) -> None:
    parts.kill_switch.poll()
    if parts.kill_switch.latch != latch:
        now = latch_words(parts.kill_switch.latch)
        raise RolloutError(f"not resumed, somebody else was at the kill switch: it is {now}")
    if _flags(parts) != flags:
        raise RolloutError(
            "not resumed, the flags were turned during the drill: see `flask rollout status`, then"
            " `flask rollout resume`"
        )


def _flags(parts: Parts) -> object:
    parts.provider.poll()
    return parts.provider.state.digest


def _refuse_laggards(parts: Parts, confirmation: Confirmation, what: str) -> None:
    if not confirmation.complete:
        here = parts.workers.host
        late = [worker_words(each, here=here) for each in confirmation.unconfirmed]
        raise RolloutError(
            f"the drill is over, but not all workers confirmed {what}:"
            f" {', '.join(late) or confirmation.blind_to}"
        )


def _eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _ms(began: float) -> float:
    return (time.monotonic() - began) * 1000
