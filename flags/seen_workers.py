"""Workers that shared tables once had: who vanishes from them without a word is not forgotten."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import structlog

from flags.files import read_whole, replace_file
from flags.workers import FORGET_S, WorkerId, WorkerRecord

WRITE_S = 10.0
"""Seconds after which the file says anew when a worker was heard of last."""

_log = structlog.get_logger(__name__)


class Seen(msgspec.Struct, frozen=True):
    """A worker's newest record, and when it was news here, in seconds of the system's clock."""

    record: WorkerRecord
    heard_at: float


class _Body(msgspec.Struct, frozen=True):
    """What is in the file; the clock counts from the start of this system."""

    boot: str
    seen: tuple[Seen, ...]


class SeenWorkers:
    """Remembers in a file of the host, for its commands and workers alike.

    A heartbeat is heard when a signed record says another one: the stamp beside it is not signed.
    A worker is let go of when it says goodbye, or after `FORGET_S` without a word.
    """

    def __init__(
        self,
        path: Path,
        *,
        boot: str,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._boot = boot
        self._clock = clock
        self._now = now
        self._seen: dict[WorkerId, Seen] = {}
        self._problem = ""

    def note(self, found: Iterable[tuple[WorkerRecord, float]]) -> dict[WorkerId, Seen]:
        """Take in records with the ages of their heartbeats; return all that have not left."""
        now = self._clock()
        on_file = self._read(now)
        for each in on_file.values():
            self._take(each)
        for record, age in found:
            self._take(Seen(record, now - self._age_of(record, age)))
        for id_, each in list(self._seen.items()):
            if now - each.heard_at > FORGET_S:
                del self._seen[id_]
        self._write(on_file)
        return {id_: each for id_, each in self._seen.items() if not each.record.left}

    def age(self, seen: Seen) -> float:
        """Return how many seconds ago the worker was heard of."""
        return max(0.0, self._clock() - seen.heard_at)

    def _age_of(self, record: WorkerRecord, age: float) -> float:
        """Return how old a record is: one that is news is new, whatever age the table gives it."""
        if record.id in self._seen and self._seen[record.id].record != record:
            return 0.0
        return max(0.0, min(age, self._now() - record.heartbeat))

    def _take(self, new: Seen) -> None:
        """Keep the newer of two records of a worker; one that is sent again is no news."""
        id_, old = new.record.id, self._seen.get(new.record.id)
        if old is None or _order(new.record) > _order(old.record):
            self._seen[id_] = new
            return
        if new.record == old.record:
            self._seen[id_] = Seen(old.record, min(old.heard_at, new.heard_at))

    def _read(self, now: float) -> dict[WorkerId, Seen]:
        try:
            body = msgspec.json.decode(read_whole(self._path, follow=False), type=_Body)
        except (OSError, msgspec.MsgspecError):
            return {}
        if body.boot != self._boot:  # the clock began anew, so that all were heard of just now
            return {each.record.id: Seen(each.record, now) for each in body.seen}
        return {each.record.id: each for each in body.seen}

    def _write(self, on_file: dict[WorkerId, Seen]) -> None:
        """Write when somebody came or left, and now and then for the times."""
        if not _differ(self._seen, on_file):
            return
        body = _Body(self._boot, tuple(self._seen.values()))
        try:
            replace_file(self._path, msgspec.json.encode(body).decode(), durable=False)
        except OSError as error:
            if self._problem != str(error):
                self._problem = str(error)
                _log.warning("seen_workers_not_kept", problem=self._problem)


def _order(record: WorkerRecord) -> tuple[float, bool, int, float]:
    """Return what only grows for a worker: a goodbye is the last word of a process."""
    return record.started_at, record.left, record.beats, record.heartbeat


def _differ(ours: dict[WorkerId, Seen], theirs: dict[WorkerId, Seen]) -> bool:
    """Tell whether a file lacks what is to be found in it."""
    if ours.keys() != theirs.keys():
        return True
    return any(
        each.record.left != theirs[id_].record.left
        or abs(each.heard_at - theirs[id_].heard_at) > WRITE_S
        for id_, each in ours.items()
    )
