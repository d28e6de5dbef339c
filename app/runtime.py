"""What runs in a worker besides its requests: started after the fork, stopped in reverse order.

The control thread looks at the latch and the flags every 20 ms, flips the migration, and
then says in the worker's file what it has applied. A file that is behind is a worker that
has not followed.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from flags.kill_switch import KillSwitch
from flags.provider import FlagProvider
from flags.state import FlagState
from flags.workers import WorkerRecord, WorkerRegistry, process_start
from shim.migration import Migration

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

    epoch: int
    epoch_at: float
    revision: int
    revision_at: float


class Control:
    """Follows latch and flags, and keeps the worker's file. One thread."""

    def __init__(
        self,
        *,
        kill_switch: KillSwitch,
        provider: FlagProvider,
        migration: Migration,
        workers: WorkerRegistry,
        answer: Callable[[], None],
        count: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kill_switch = kill_switch
        self._provider = provider
        self._migration = migration
        self._workers = workers
        self._answer = answer
        self._count = count
        self._now = now
        self._started_at = 0.0
        self._applied = Applied(-1, 0.0, -1, 0.0)
        self._flags: FlagState | None = None
        self._written_at = 0.0
        self._counted_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs; without it no flip is followed."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Apply what holds now, say so, then go on in a thread."""
        self._started_at = self._now()
        self._stopping.clear()
        self._provider.start()
        self._kill_switch.poll()
        self._apply()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take the worker's file away."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2.0)
        self._provider.stop()
        self._workers.remove(os.getpid())

    def turn(self) -> None:
        """Look once at everything."""
        # Both are always polled: `or` would skip the flags when the latch moved.
        changed = [self._kill_switch.poll(), self._provider.poll()]
        if any(changed):
            self._apply()
        now = self._now()
        if now - self._written_at >= HEARTBEAT_S:
            self._write(now)
        if now - self._counted_at >= COUNTS_S:
            self._counted_at = now
            self._count()
        self._answer()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                self.turn()
            except Exception:  # noqa: BLE001 - a worker that follows no flip would be worse
                _log.exception("control_turn_failed")

    def _apply(self) -> None:
        latch, flags = self._kill_switch.latch, self._provider.state
        self._migration.apply(flags, latch)
        now = self._now()
        was = self._applied
        # By the state, not its number: a flag file made anew may count from the start.
        self._applied = Applied(
            latch.epoch,
            was.epoch_at if was.epoch == latch.epoch else now,
            flags.revision,
            now if flags is not self._flags and not flags.stale else was.revision_at,
        )
        self._flags = flags
        self._write(now)

    def _write(self, now: float) -> None:
        self._written_at = now
        applied = self._applied
        record = WorkerRecord(
            pid=os.getpid(),
            process_started=process_start(os.getpid()) or 0.0,
            host=socket.gethostname(),
            epoch=applied.epoch,
            epoch_applied_at=applied.epoch_at,
            revision=applied.revision,
            revision_applied_at=applied.revision_at,
            heartbeat=now,
            started_at=self._started_at,
        )
        try:
            self._workers.write(record)
        except OSError as error:
            _log.error("worker_file_unwritable", error=str(error))


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
        """Start every service; does nothing in a process that was started."""
        if self.started:
            return
        self._pid = os.getpid()
        self._running = []
        for name, service in self._services:
            service.start()
            self._running.append((name, service))
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
