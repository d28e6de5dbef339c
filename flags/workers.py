"""Which workers there are, and what each of them has applied."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

from flags.files import read_whole, replace_file

HEARTBEAT_LIMIT_S = 2.0
"""Age of a heartbeat above which nothing is known of a worker."""
FOREIGN_LIMIT_S = 60.0
"""Age of a heartbeat above which a worker of another host is taken for dead."""
START_TOLERANCE_S = 1.0
"""How far apart two readings of one process's start may lie; the system derives it."""


class WorkerState(StrEnum):
    """What is known of a worker."""

    LIVE = "live"
    UNCONFIRMED = "unconfirmed"
    """It exists and says nothing: stopped, swapped out or stuck."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True, order=True)
class WorkerId:
    """A worker among those of all hosts."""

    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """What a worker says of itself; times are unix seconds of its host's clock.

    `epoch` is the latch's that it has applied to the end, and `engaged` what that said;
    `revision` is the flags', and `flags` stands for what they said. `settings` stands for
    the settings that all workers should share.
    `problems` are what it does its work in spite of.
    `epoch_applied_at` and `revision_applied_at` are when it last had applied one.
    """

    pid: int
    process_started: float
    host: str
    epoch: int
    epoch_applied_at: float
    revision: int
    revision_applied_at: float
    heartbeat: float
    started_at: float
    problems: tuple[str, ...] = ()
    engaged: bool = False
    flags: str = ""
    settings: str = ""

    @property
    def id(self) -> WorkerId:
        """Which worker this is."""
        return WorkerId(self.host, self.pid)


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker's record, and what can be told of it from outside.

    `age` is that of its heartbeat in seconds, by the clock of whatever keeps the record.
    """

    record: WorkerRecord
    state: WorkerState
    age: float = 0.0


class WorkerRegistry(Protocol):
    """Keeps the newest record of each worker."""

    @property
    def host(self) -> str:
        """The host of those who write here."""

    @property
    def blind_to(self) -> str:
        """Why the last reading may lack workers; empty when it has all of them."""

    def write(self, record: WorkerRecord) -> None:
        """Replace the worker's record. Raises OSError."""

    def remove(self, pid: int) -> None:
        """Forget the worker, which ends in good order."""

    def read(self) -> tuple[WorkerView, ...]:
        """Return every worker by host and pid; dead ones are returned once and forgotten."""

    def close(self) -> None:
        """Let go of what reading took."""


def process_start(pid: int) -> float | None:
    """Return the unix time at which the process started, None if it is not running."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return float(process.create_time())
    except (psutil.Error, OSError):
        return None


class WorkerFiles:
    """One file per worker in a folder, replaced by rename."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.time,
        started: Callable[[int], float | None] = process_start,
        host: str | None = None,
    ) -> None:
        self._folder = folder
        self._now = now
        self._started = started
        self.host = host or socket.gethostname()
        self.blind_to = ""

    def write(self, record: WorkerRecord) -> None:
        """Replace the worker's file. Raises OSError."""
        replace_file(self._file(record.pid), msgspec.json.encode(record).decode(), durable=False)

    def remove(self, pid: int) -> None:
        """Delete the worker's file, if it is there."""
        self._file(pid).unlink(missing_ok=True)

    def read(self) -> tuple[WorkerView, ...]:
        """Return every worker by pid; files of dead ones are deleted."""
        records = [_record(path) for path in self._folder.glob("worker-*.json")]
        views = [self._view(record) for record in records if record is not None]
        for view in views:
            if view.state is WorkerState.DEAD:
                self.remove(view.record.pid)
        return tuple(sorted(views, key=lambda view: view.record.pid))

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def runs(self, record: WorkerRecord) -> bool:
        """Tell whether the process of a worker of this host is still there."""
        started = self._started(record.pid)
        return started is not None and abs(started - record.process_started) <= START_TOLERANCE_S

    def _file(self, pid: int) -> Path:
        return self._folder / f"worker-{pid}.json"

    def _view(self, record: WorkerRecord) -> WorkerView:
        """Judge a record: by the process if it is of this host, else by its heartbeat."""
        age = self._now() - record.heartbeat
        if record.host != self.host:
            return foreign_view(record, age)
        if not self.runs(record):
            return WorkerView(record, WorkerState.DEAD, age)
        return WorkerView(record, _by_age(age), age)


def foreign_view(record: WorkerRecord, age: float) -> WorkerView:
    """Judge a worker of another host by the age of its heartbeat alone, in seconds."""
    return WorkerView(record, WorkerState.DEAD if age > FOREIGN_LIMIT_S else _by_age(age), age)


def _by_age(age: float) -> WorkerState:
    return WorkerState.UNCONFIRMED if age > HEARTBEAT_LIMIT_S else WorkerState.LIVE


def _record(path: Path) -> WorkerRecord | None:
    """Read a worker's file, None if it is gone by now or not whole.

    A file that is not whole was cut by a loss of power, which no worker outlives.
    """
    try:
        return msgspec.json.decode(read_whole(path, follow=False), type=WorkerRecord)
    except (OSError, msgspec.DecodeError):
        return None
