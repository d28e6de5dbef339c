"""The looks of the guard: of each worker at its own counts, and of one at those of all.

They are on threads of their own, for a database that hangs must not keep a worker from judging
what it knows itself. Neither lets go of anything: both can only pull the cord.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

LOOK_S, LOOK_OVER_ALL_S = 0.25, 0.5
"""Seconds between two looks of a worker at its own counts, and of the one at those of all."""
SETTLE_S, HANDED_IN_S = 1.25, 1.0
"""Seconds after a new epoch until what began before it was compared, as an episode lasts one at
most, and then until all workers handed that in: what is counted by then is the baseline."""
PAUSE_S = 5.0
"""Seconds without a look, whatever the cause, from which on that time was not watched."""
KEEP_S = 5.0
"""Seconds after which a record is kept; one that says something new is kept at once."""
STOP_S = 2.0

_SERVING = (Stage.RAMP, Stage.COMPLETE)

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Watched:
    """One migration under guard, as this process has it.

    `sends` returns how many frames the canonical sent, and how many of them failed.
    """

    course: Course
    guarded: Guarded
    sends: Callable[[], tuple[int, int]] = lambda: (0, 0)

    @property
    def name(self) -> str:
        """The migration's name."""
        return self.course.pair.migration

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
        counted = shadowing.counts.sums
        sends, failed = self.sends()
        runs = Runs(counted.latency.classes(), counted.raised, sends, failed)
        found = totals_of(
            counted.cells,
            shadowing.ledger.totals().items(),
            comparisons=self.guarded.comparisons,
        )
        return {**found, **totals_of_runs(runs)}

    def sample(self, fingerprint: str) -> str:
        """Return what this worker saw of a divergence, empty if it saw none."""
        return self.course.shadowing.ledger.first_of(fingerprint)


@dataclass(frozen=True, slots=True)
class Breach:
    """A ruling on what is `new` since the epoch `at`, and where samples of it are found."""

    ruling: Ruling
    at: int
    new: Totals
    sample: Callable[[str], str]


Trip = Callable[[Watched, Breach], None]
"""Engages the latch if it is still open at the breach's epoch, and tells why."""


class Guard(Protocol):
    """Guards one migration from its first look on; belongs to one thread."""

    @property
    def name(self) -> str:
        """What it guards."""

    def look(self, latch: Latch) -> None:
        """Look once, and trip at a breach."""


class Looking:
    """Has guards look, every so many seconds, on a thread that runs between `start` and `stop`.

    Guards are built anew at each start. What one raises is said once, and keeps no other from
    looking.
    """

    def __init__(
        self,
        new_guards: Callable[[], Sequence[Guard]],
        *,
        kill_switch: KillSwitch,
        name: str,
        every: float,
    ) -> None:
        self._new_guards = new_guards
        self._kill_switch = kill_switch
        self._name = name
        self._every = every
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        # An event of its own for each thread: one that hangs ends when it wakes up, whatever
        # was started since.
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._ending,), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for that, but not for long."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self, ending: threading.Event) -> None:
        guards = self._new_guards()
        problems: dict[str, str] = {}
        while not ending.wait(self._every):
            for guard in guards:
                self._look(guard, problems)

    def _look(self, guard: Guard, problems: dict[str, str]) -> None:
        try:
            guard.look(self._kill_switch.latch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
            problem = f"{type(error).__name__}: {error}"
            if problem != problems.get(guard.name):
                problems[guard.name] = problem
                _log.error("guard_failed", guard=self._name, migration=guard.name, error=problem)
        else:
            problems.pop(guard.name, None)


class GuardAlone:
    """Judges what this worker counted itself, and asks no database: runs in every worker."""

    def __init__(
        self, each: Watched, trip: Trip, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = each.name
        self._each = each
        self._act = _Acting(each, trip)
        self._monotonic = monotonic
        self._epoch: int | None = None
        self._settled_at = -math.inf
        self._baseline: Totals = {}
        self._last: Totals = {}
        self._memories: Memories = {}

    def look(self, latch: Latch) -> None:
        """Judge what is new since the last resume, or since the start."""
        each, now = self._each, self._monotonic()
        if self._epoch != latch.epoch:
            if self._epoch is not None:
                self._settled_at = now + SETTLE_S
            self._epoch = latch.epoch
        if latch.engaged:
            return
        totals = each.counted()
        if now < self._settled_at:
            self._baseline, self._memories = totals, {}
            return
        if totals == self._last:
            return
        self._last = totals
        new = since(totals, self._baseline)
        ruling, self._memories = judge_all(
            new, each.guarded, self._memories, context=each.context, alone=True
        )
        if ruling.state is State.BREACHED:
            self._act(Breach(ruling, latch.epoch, new, each.sample))


class GuardOverAll:
    """Judges what all workers counted: runs in the one that holds the lease.

    It goes on with the record that the one before it kept, and keeps its own for the next.
    """

    def __init__(
        self,
        each: Watched,
        store: GuardStore,
        trip: Trip,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = each.name
        self._each = each
        self._store = store
        self._act = _Acting(each, trip)
        self._monotonic = monotonic
        self._epoch: int | None = None
        self._settled_at = 0.0
        self._kept: Kept | None = None
        self._kept_at = 0.0
        self._looked_at: float | None = None

    def look(self, latch: Latch) -> None:
        """Judge what is new in the ledger, and keep how far that is."""
        now = self._monotonic()
        if self._epoch != latch.epoch:
            self._epoch, self._settled_at = latch.epoch, now + SETTLE_S + HANDED_IN_S
        if latch.engaged or now < self._settled_at:
            self._looked_at = None
            return
        each, kept = self._each, self._kept or self._store.read()
        elapsed = 0.0 if self._looked_at is None else now - self._looked_at
        if elapsed > PAUSE_S:
            elapsed = 0.0
        seen = Look(latch.epoch, each.percentage, self._store.totals(), elapsed, each.context)
        record = watched(kept.record, seen, each.guarded)
        self._looked_at, self._kept = now, Kept(record, kept.version)
        if record.ruling.state is State.BREACHED:
            new = since(seen.totals, record.baseline)
            self._act(Breach(record.ruling, latch.epoch, new, self._sample))
        is_news = kept.record is None or _headline(kept.record) != _headline(record)
        if is_news or now - self._kept_at >= KEEP_S:
            self._keep(record, kept.version)

    def _sample(self, fingerprint: str) -> str:
        """Return what this worker saw of a divergence, else what another one did."""
        return self._each.sample(fingerprint) or self._store.sample(fingerprint)

    def _keep(self, record: GuardRecord, version: int) -> None:
        self._kept, self._kept_at = None, self._monotonic()
        if self._store.write(record, after=version):  # else another one leads, or did
            self._kept = Kept(record, version + 1)


class _Acting:
    """Trips where canonical serves somebody; where it does not, says once for each epoch why."""

    def __init__(self, each: Watched, trip: Trip) -> None:
        self._each = each
        self._trip = trip
        self._said_at: int | None = None

    def __call__(self, found: Breach) -> None:
        each = self._each
        if each.stage in _SERVING:
            self._trip(each, found)
        elif self._said_at != found.at:
            self._said_at = found.at
            _log.warning(
                "guard_breached",
                migration=each.name,
                stage=each.stage,
                reason=found.ruling.message,
            )


def _headline(record: GuardRecord) -> tuple[object, ...]:
    return record.epoch, record.ruling.state, record.ruling.limit, record.step.percentage
