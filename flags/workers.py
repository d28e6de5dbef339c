"""Which workers there are, and what each of them has applied."""

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from flags.files import read_whole, replace_file
from flags.places import Place, booted_at, has_ended, this_place

HEARTBEAT_LIMIT_S = 2.0
"""Age of a heartbeat above which nothing is known of a worker."""
SILENCE_LIMIT_S = 3600.0
"""Age of a heartbeat above which a worker that nobody here can look at is taken for dead."""
FORGET_S = 2 * SILENCE_LIMIT_S
"""Age of a heartbeat above which such a worker is not even shown as dead."""
_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class WorkerState(StrEnum):
    """What is known of a worker."""

    LIVE = "live"
    UNCONFIRMED = "unconfirmed"
    """It says nothing: stopped, swapped out or stuck; or nobody here can tell whether it ended."""
    DEAD = "dead"
    """It has ended, or nothing was heard of it for so long that it is taken for that."""


@dataclass(frozen=True, slots=True, order=True)
class WorkerId:
    """A worker among those of all hosts; two namespaces of one host may have the same pid."""

    host: str
    pid: int
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """What a worker says of itself; times are unix seconds of its host's clock.

    `epoch` is the latch's that it has applied to the end, and `engaged` what that said;
    `revision` is the flags', and `flags` stands for what they said. `settings` stands for
    the settings that all workers should share.
    `problems` are what it does its work in spite of.
    `epoch_applied_at` and `revision_applied_at` are when it last had applied one.
    `process_started` is in seconds since its system started. `boot` and `namespace` are those of
    its `Place`; whoever writes the record down sets them. `left` is its last word: it has ended.
    `beats` counts what it wrote, so that a clock that is set makes no record an older one.
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
    boot: str = ""
    namespace: str = ""
    left: bool = False
    beats: int = 0

    @property
    def id(self) -> WorkerId:
        """Which worker this is."""
        return WorkerId(self.host, self.pid, self.namespace)

    @property
    def place(self) -> Place:
        """Where its pid means something."""
        return Place(self.host, self.boot, self.namespace)


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


class WorkerFiles:
    """One file per worker in a folder, replaced by rename.

    Hosts, containers and pid namespaces may share the folder. Whether a silent worker has ended is
    told only by its own, or by its host after a restart: to everybody else it is unconfirmed, and
    its file stays.
    """

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.time,
        ended: Callable[[int, float], bool] = has_ended,
        booted_at: Callable[[], float] = booted_at,
        place: Place | None = None,
        host: str | None = None,
    ) -> None:
        self._now = now
        self._ended = ended
        self._booted_at = booted_at
        self.folder = folder
        self.place = place or this_place(host or socket.gethostname())
        self.host = self.place.host
        self.blind_to = ""

    def write(self, record: WorkerRecord) -> None:
        """Replace the worker's file. Raises OSError."""
        stamped = self.stamped(record)
        path = self._file_for(stamped)
        replace_file(path, msgspec.json.encode(stamped).decode(), durable=False)

    def stamped(self, record: WorkerRecord) -> WorkerRecord:
        """Return the record of a worker of this host with where this process runs."""
        if record.host != self.host:
            return record
        return replace(record, boot=self.place.boot, namespace=self.place.namespace)

    def remove(self, pid: int) -> None:
        """Delete the file of a worker of this place, if it is there."""
        for path, record in self._records():
            if record.pid == pid and record.place == self.place:
                path.unlink(missing_ok=True)

    def read(self) -> tuple[WorkerView, ...]:
        """Return every worker by host and pid; files of those that have ended are deleted."""
        views = []
        for path, record in self._records():
            view = self.view(record, self._now() - record.heartbeat)
            if view.state is WorkerState.DEAD and self.is_gone(record):
                path.unlink(missing_ok=True)
            if view.age <= FORGET_S or view.state is not WorkerState.DEAD:
                views.append(view)
        return tuple(sorted(views, key=lambda view: view.record.id))

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def view(self, record: WorkerRecord, age: float) -> WorkerView:
        """Judge a worker by the age of its heartbeat in seconds, and by its process if it is ours.

        A fresh heartbeat is never dead: whoever looks may see less than there is.
        """
        if age <= HEARTBEAT_LIMIT_S:
            return WorkerView(record, WorkerState.LIVE, age)
        lost = age > SILENCE_LIMIT_S and not self._can_look_at(record)
        dead = lost or self.is_gone(record)
        return WorkerView(record, WorkerState.DEAD if dead else WorkerState.UNCONFIRMED, age)

    def is_gone(self, record: WorkerRecord) -> bool:
        """Tell whether a worker's process has certainly ended; False if that cannot be told."""
        if self._can_look_at(record):
            return self._ended(record.pid, record.process_started)
        here, boots = self.place, (record.boot, self.place.boot)
        restarted = record.host == here.host and all(boots) and boots[0] != boots[1]
        return restarted and record.heartbeat < self._booted_at()

    def _can_look_at(self, record: WorkerRecord) -> bool:
        return record.place == self.place and bool(self.place.namespace)

    def _file_for(self, record: WorkerRecord) -> Path:
        """Return a worker's file: another one where its pid is that of a worker elsewhere, too."""
        path = self.folder / f"worker-{record.pid}.json"
        there = _record(path)
        if there is None or there.id == record.id or self._now() - there.heartbeat > FORGET_S:
            return path
        mark = hashlib.sha256("\0".join((record.host, record.boot, record.namespace)).encode())
        letters = mark.hexdigest()[:8].translate(_LETTERS)  # the only digits are those of the pid
        return path.with_name(f"worker-{record.pid}-{letters}.json")

    def _records(self) -> Iterator[tuple[Path, WorkerRecord]]:
        """Yield every file that can be read, with what it says.

        A file that is not whole was cut by a loss of power, which no worker outlives.
        """
        for path in self.folder.glob("worker-*.json"):
            record = _record(path)
            if record is not None:
                yield path, record


def _record(path: Path) -> WorkerRecord | None:
    """Read a worker's file, None if it is gone by now or not whole."""
    try:
        return msgspec.json.decode(read_whole(path, follow=False), type=WorkerRecord)
    except (OSError, msgspec.DecodeError):
        return None
