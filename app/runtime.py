"""What runs in a worker besides its requests: started after the fork, stopped in reverse order.

The control thread looks at the latch and the flags every 20 ms, flips the migration, and
then says in the worker's file what it has applied. A file that is behind is a worker that
has not followed.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from flags.kill_switch import KillSwitch
from flags.latch import Latch
from flags.places import process_start
from flags.provider import FlagProvider
from flags.state import FlagState
from flags.workers import WorkerRecord, WorkerRegistry
from shim.router import Flips

POLL_S = 0.02
HEARTBEAT_S = 0.5
COUNTS_S = 10.0

_log = structlog.get_logger("app")


class Service(Protocol):
    """Something with threads of its own."""

    def start(self) -> None:
        """Start."""

    def stop(self) -> None:
        """Stop, within a few seconds."""


@dataclass(frozen=True, slots=True)
class ClosedLast:
    """Something that opens by itself and must be closed after all that uses it."""

    close: Callable[[], None]

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Close it."""
        self.close()


@dataclass(frozen=True, slots=True)
class Applied:
    """What the migration follows, and since when in unix seconds."""

    latch: Latch
    latch_at: float
    flags: FlagState
    flags_at: float


def _says_no_more(flags: FlagState, before: FlagState) -> bool:
    """Tell whether flags are the ones before: the same, or the last good ones gone stale."""
    return flags is before or (flags.stale and flags.digest == before.digest)


class Control:
    """Follows latch and flags, and keeps the worker's file. One thread."""

    def __init__(
        self,
        *,
        kill_switch: KillSwitch,
        provider: FlagProvider,
        migration: Flips,
        workers: WorkerRegistry,
        answer: Callable[[], None],
        count: Callable[[], None],
        watch: Callable[[], object] = lambda: None,
        flipped: Callable[[], object] = lambda: None,
        problems: Callable[[], Sequence[str]] = tuple,
        settings: str = "",
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kill_switch = kill_switch
        self._provider = provider
        self._migration = migration
        self._workers = workers
        self._answer = answer
        self._count = count
        self._watch = watch
        self._flipped = flipped
        self._problems_besides = problems
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._beat_at = monotonic()
        self._beats = 0
        self._doing = ""
        self._started_at = 0.0
        self._applied: Applied | None = None
        self._written_at = 0.0
        self._counted_at = 0.0
        self._stopping = False
        self._woken = threading.Event()
        kill_switch.attach(self._woken.set)
        provider.attach(self._woken.set)
        self._thread: threading.Thread | None = None
        self._failing: dict[str, str] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed at the last attempt, and is tried again."""
        return tuple(f"{what}: {error}" for what, error in self._failing.copy().items())

    @property
    def alive(self) -> bool:
        """Whether the thread runs; without it no flip is followed."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def silent_s(self) -> float:
        """Seconds since the thread last said in memory that it lives, 0 before it was started."""
        return 0.0 if self._thread is None else self._monotonic() - self._beat_at

    @property
    def doing(self) -> str:
        """What the thread has begun to do last."""
        return self._doing

    def start(self) -> None:
        """Apply what holds now, say so, then go on in a thread."""
        self._started_at = self._counted_at = self._now()
        self._stopping = False
        self._applied = None
        self._provider.start()
        self._kill_switch.poll()
        self._watch()
        self._follow()
        self._beat_at = self._monotonic()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take the worker's file away."""
        self._stopping = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(2.0)
        self._kill_switch.stop()
        self._provider.stop()
        self._workers.remove(os.getpid())

    def turn(self) -> None:
        """Look once at everything."""
        self._doing = "looking at the kill switch"
        self._kill_switch.poll()
        self._doing = "looking at the flags"
        self._provider.poll()
        try:
            self._doing = "looking at the other files of the instance folder"
            self._watch()
        finally:  # whatever else cannot be looked at, a rollback is followed
            self._doing = "applying a change"
            self._follow()
        now = self._now()
        # A clock that was set back must not keep either waiting until it has caught up.
        if not 0 <= now - self._written_at < HEARTBEAT_S:
            self._write(now)
        if not 0 <= now - self._counted_at < COUNTS_S:
            self._counted_at = now
            self._doing = "writing down the counts"
            self._count()
        self._doing = "answering a command"
        self._answer()

    def _run(self) -> None:
        while True:
            self._woken.wait(POLL_S)
            self._woken.clear()
            if self._stopping:
                return
            try:
                self.turn()
            except BaseException as error:  # noqa: BLE001 - a worker that follows no flip is worse
                self._report("control", error)
            else:
                self._failing.pop("control", None)

    def _follow(self) -> None:
        """Flip the migration if it does not follow what holds now; say so once it does.

        A flip that fails is not said, and tried again at the next turn.
        """
        latch, flags = self._kill_switch.latch, self._provider.state
        was = self._applied
        if was is not None and was.flags is flags and was.latch == latch:
            return
        self._migration.apply(flags, latch)
        now = self._now()
        self._applied = Applied(
            latch,
            was.latch_at if was is not None and was.latch == latch else now,
            flags,
            # By the state, not its number: a flag file made anew may count from the start.
            # The last good flags that went stale are not new.
            was.flags_at if was is not None and _says_no_more(flags, was.flags) else now,
        )
        self._write(now)
        if was is not None:
            self._flipped()
            self._count()  # so that the report knows what was counted before the flip

    def _write(self, now: float) -> None:
        self._doing = "writing the worker's file"
        self._written_at = now
        self._beats += 1
        applied = self._applied
        if applied is None:
            return  # nothing is said before the first flip has been applied
        record = WorkerRecord(
            pid=os.getpid(),
            process_started=process_start(os.getpid()),
            host=self._workers.host,
            epoch=applied.latch.epoch,
            epoch_applied_at=applied.latch_at,
            revision=applied.flags.revision,
            revision_applied_at=applied.flags_at,
            heartbeat=now,
            started_at=self._started_at,
            problems=tuple(self._problems_besides()),
            engaged=applied.latch.engaged,
            flags=applied.flags.digest,
            settings=self._settings,
            beats=self._beats,
        )
        try:
            self._workers.write(record)
        except OSError as error:
            self._report("the worker's file", error)
        else:
            self._failing.pop("the worker's file", None)
        self._beat_at = self._monotonic()

    def _report(self, what: str, error: BaseException) -> None:
        """Log a failure once for as long as it lasts, not at every turn."""
        try:
            problem = f"{type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001 - an error that cannot even be said
            problem = type(error).__name__
        if self._failing.get(what) != problem:
            self._failing[what] = problem
            with suppress(Exception):  # an error of the log is none of what was logged
                _log.error("control_failed", what=what, exc_info=error)


class Runtime:
    """Starts services in order and stops them in reverse; in each process at most once."""

    def __init__(self, services: Sequence[tuple[str, Service]], control: Control) -> None:
        self._services = tuple(services)
        self._running: list[tuple[str, Service]] = []
        self._pid: int | None = None
        self.control = control

    @property
    def started(self) -> bool:
        """Whether this very process was started: a fork of a started one was not."""
        return self._pid == os.getpid()

    def start(self) -> None:
        """Start every service; does nothing in a process that was started.

        When one cannot be started, those before it are stopped, and its error is raised.
        """
        if self.started:
            return
        self._pid = os.getpid()
        self._running = []
        try:
            for name, service in self._services:
                service.start()
                self._running.append((name, service))
        except BaseException:
            self.stop()
            raise
        _log.info("started", services=[name for name, _ in self._running])

    def stop(self) -> None:
        """Stop what was started; one that fails to stop keeps no other from it."""
        if not self.started:
            return
        while self._running:
            name, service = self._running.pop()
            try:
                service.stop()
            except Exception:  # noqa: BLE001 - the rest still stops
                _log.exception("stop_failed", service=name)
        self._pid = None
