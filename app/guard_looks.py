"""The looks of the guard: of each worker at its own counts, and of one at those of all.

They are on threads of their own, for a database that hangs must not keep a worker from judging
what it knows itself. Neither lets go of anything: both can only pull the cord.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from app.parts import Course
from flags.kill_switch import KillSwitch
from flags.latch import Latch
from flags.stage import Stage
from shim.guard.judging import Guarded, Memories, judge_all
from shim.guard.record import GuardRecord, GuardStore, Kept
from shim.guard.ruling import Ruling, State
from shim.guard.totals import Context, Runs, Totals, since, totals_of, totals_of_runs
from shim.guard.watching import Look, watched

LOOK_S = 0.25
"""Seconds between two looks."""
SETTLE_S = 1.0
"""Seconds after a new epoch until the ledger is the baseline: by then all workers handed in."""
FRESH_S, KEEP_S = 1.0, 5.0
"""Seconds after which a record is kept: with more comparisons, and with no more than time."""
STOP_S = 2.0

_SERVING = (Stage.RAMP, Stage.COMPLETE)

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Watched:
    """One migration under guard, as this process has it.

    `sends` returns how many frames the canonical sent, and how many of them failed.
    """

    course: Course
    store: GuardStore
    guarded: Guarded
    sends: Callable[[], tuple[int, int]] = lambda: (0, 0)

    @property
    def stage(self) -> Stage:
        """The stage that this process follows."""
        return self.course.router.table.stage

    @property
    def context(self) -> Context:
        """Whether anything ought to be compared, and what hinders it here."""
        definition = self.course.router.table.flags.definition(self.course.pair.shadow)
        sampled = definition is not None and not definition.reaches_nobody
        return Context(sampled and self.stage is not Stage.OFF, tuple(self.course.problems))

    @property
    def percentage(self) -> int:
        """Whom the canonical serves by the flags, cohort aside."""
        definition = self.course.router.table.flags.definition(self.course.pair.canonical)
        return definition.percentage if definition is not None and definition.enabled else 0

    def counted(self) -> dict[str, int]:
        """Return what this worker counted itself since its start."""
        shadowing = self.course.shadowing
        counts = shadowing.counts
        sends, failed = self.sends()
        runs = Runs(counts.latency.classes(), counts.raised.copy(), sends, failed)
        found = totals_of(
            shadowing.evidence.counters(),
            shadowing.ledger.totals().items(),
            comparisons=self.guarded.comparisons,
        )
        return {**found, **totals_of_runs(runs)}


class Trip(Protocol):
    """Pulls the cord."""

    def __call__(self, each: Watched, ruling: Ruling, *, at: int, new: Totals) -> None:
        """Engage the latch if it is still open at the epoch `at`, and tell why."""


class Looking(threading.Thread):
    """Calls `turn` four times a second until it is told to end; what that raises is said once."""

    def __init__(self, turn: Callable[[], None], *, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._turn = turn
        self._ending = threading.Event()
        self._problem: str | None = None

    def run(self) -> None:
        """Look until the end."""
        while not self._ending.wait(LOOK_S):
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                self._report(f"{type(error).__name__}: {error}")
            else:
                self._problem = None

    def end(self) -> None:
        """End, and wait for that."""
        self._ending.set()
        self.join(STOP_S)

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            _log.error("guard_failed", guard=self.name, error=problem)


@dataclass(slots=True)
class _Own:
    """How far a worker's own tests of one migration are."""

    epoch: int | None = None
    baseline: Totals = field(default_factory=dict)
    last: Totals = field(default_factory=dict)
    memories: Memories = field(default_factory=dict)


class GuardAlone:
    """Judges what this worker counted itself: runs in every worker."""

    def __init__(
        self, migrations: Sequence[Watched], *, kill_switch: KillSwitch, trip: Trip
    ) -> None:
        self._states = [(each, _Own()) for each in migrations]
        self._kill_switch = kill_switch
        self._act = _Acting(trip)
        self._thread: Looking | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = Looking(self.turn, name="guard")
        self._thread.start()

    def stop(self) -> None:
        """End."""
        if self._thread is not None:
            self._thread.end()

    def turn(self) -> None:
        """Look once at each migration."""
        latch = self._kill_switch.latch
        for each, own in self._states:
            self._look(each, own, latch)

    def _look(self, each: Watched, own: _Own, latch: Latch) -> None:
        if own.epoch != latch.epoch:
            if own.epoch is not None:
                own.baseline, own.memories = each.counted(), {}
            own.epoch = latch.epoch
        if latch.engaged:
            return
        totals = each.counted()
        if totals == own.last:
            return
        own.last = totals
        new = since(totals, own.baseline)
        ruling, own.memories = judge_all(
            new, each.guarded, own.memories, context=each.context, alone=True
        )
        self._act(each, ruling, at=latch.epoch, new=new)


@dataclass(slots=True)
class _Shared:
    """How far the tests over all workers are, as this process knows it."""

    epoch: int | None = None
    settled_at: float = 0.0
    kept: Kept | None = None
    kept_at: float = 0.0
    looked_at: float | None = None


class GuardOverAll:
    """Judges what all workers counted: runs in the one that holds the lease.

    It goes on with the record that the one before it kept, and keeps its own for the next.
    """

    def __init__(
        self,
        migrations: Sequence[Watched],
        *,
        kill_switch: KillSwitch,
        trip: Trip,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._migrations = tuple(migrations)
        self._kill_switch = kill_switch
        self._act = _Acting(trip)
        self._monotonic = monotonic
        self._states: list[_Shared] = []
        self._thread: Looking | None = None

    def start(self) -> None:
        """Begin to look, with nothing remembered but what is kept."""
        self._states = [_Shared() for _ in self._migrations]
        self._thread = Looking(self.turn, name="guard-over-all")
        self._thread.start()

    def stop(self) -> None:
        """End."""
        if self._thread is not None:
            self._thread.end()

    def turn(self) -> None:
        """Look once at each migration."""
        latch = self._kill_switch.latch
        self._states = self._states or [_Shared() for _ in self._migrations]
        for each, shared in zip(self._migrations, self._states, strict=True):
            self._look(each, shared, latch)

    def _look(self, each: Watched, shared: _Shared, latch: Latch) -> None:
        now = self._monotonic()
        if shared.epoch != latch.epoch:
            shared.epoch, shared.settled_at = latch.epoch, now + SETTLE_S
        if latch.engaged or now < shared.settled_at:
            shared.looked_at = None
            return
        kept = shared.kept or each.store.read()
        elapsed = 0.0 if shared.looked_at is None else now - shared.looked_at
        look = Look(latch.epoch, each.percentage, each.store.totals(), elapsed, each.context)
        record = watched(kept.record, look, each.guarded)
        shared.looked_at, shared.kept = now, Kept(record, kept.version)
        new = since(look.totals, record.baseline)
        self._act(each, record.ruling, at=latch.epoch, new=new)
        if now - shared.kept_at >= _patience(kept.record, record):
            shared.kept, shared.kept_at = None, now
            if each.store.write(record, after=kept.version):  # else another one leads, or did
                shared.kept = Kept(record, kept.version + 1)


class _Acting:
    """Trips where canonical serves somebody; where it does not, says once for each epoch why."""

    def __init__(self, trip: Trip) -> None:
        self._trip = trip
        self._said: set[tuple[str, int]] = set()

    def __call__(self, each: Watched, ruling: Ruling, *, at: int, new: Totals) -> None:
        if ruling.state is not State.BREACHED:
            return
        name = each.course.pair.migration
        if each.stage in _SERVING:
            self._trip(each, ruling, at=at, new=new)
        elif (name, at) not in self._said:
            self._said.add((name, at))
            _log.warning("guard_breached", migration=name, stage=each.stage, reason=ruling.message)


def _patience(before: GuardRecord | None, now: GuardRecord) -> float:
    """Return how many seconds may lie between the last record that was kept and this one."""
    if before is None or _headline(before) != _headline(now):
        return 0.0
    return KEEP_S if before.memories == now.memories else FRESH_S


def _headline(record: GuardRecord) -> tuple[object, ...]:
    return record.epoch, record.ruling.state, record.ruling.limit, record.step.percentage
