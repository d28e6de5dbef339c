"""The workers of several hosts: files on the own one, and tables that all hosts reach."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

import structlog

from flags.seen_workers import SeenWorkers
from flags.workers import (
    FORGET_S,
    HEARTBEAT_LIMIT_S,
    WorkerFiles,
    WorkerId,
    WorkerRecord,
    WorkerState,
    WorkerView,
)

READ_S = 0.5
"""Seconds that a table has to answer; one that hangs is not asked again before it has."""
AGAIN_S = 0.5
"""Seconds until a table that failed is asked again."""
REAP_S = 1.0
"""Seconds between two looks for records of processes of this host that are gone."""
UNREADABLE_S = 60.0
"""Age of a row above which one that cannot be read leaves nobody in doubt."""
STOP_S = 1.0
_SILENT_S = HEARTBEAT_LIMIT_S + 0.1

_log = structlog.get_logger(__name__)

Aged = tuple[WorkerRecord, float]
"""A record, and how many seconds ago it was put, by the table's own clock."""


class WorkerTableError(Exception):
    """A table cannot be read or written: the message says which, why and what to do."""


Stored = TypeVar("Stored")


def read_rows(
    rows: Iterable[tuple[Stored, float]], read: Callable[[Stored], WorkerRecord]
) -> tuple[Aged, ...]:
    """Return the records of rows that come with the age of their heartbeats.

    One that cannot be read may be of a worker that nobody sees: `read` raises
    `WorkerTableError`. An old one is passed over: another key signed it, or another version wrote
    it, and its worker was killed.
    """
    found = []
    for stored, age in rows:
        try:
            found.append((read(stored), age))
        except WorkerTableError:
            if age <= UNREADABLE_S:
                raise
    return tuple(found)


class WorkerTable(Protocol):
    """Keeps records beyond one host. May be called from any thread, and may hang.

    All methods raise `WorkerTableError`.
    """

    @property
    def name(self) -> str:
        """What to call the table in messages."""

    def put(self, record: WorkerRecord) -> None:
        """Replace the record of this worker; its heartbeat is now. `left` is a goodbye."""

    def remove(self, worker: WorkerId) -> None:
        """Forget the worker."""

    def read(self) -> tuple[Aged, ...]:
        """Return every record with the age of its heartbeat."""

    def close(self) -> None:
        """Let go of connections."""


class SharedWorkers:
    """A `WorkerRegistry` over several hosts, and the service that publishes into the tables.

    Each worker writes its file itself, and has threads that bring the newest record into
    every table. Who reads takes the files of its folder first, then from all tables that answer
    the freshest heartbeat of each worker, then those who were in a table once and did not
    say goodbye: whoever can delete their rows cannot make them forgotten.
    """

    def __init__(
        self,
        files: WorkerFiles,
        tables: Sequence[WorkerTable],
        *,
        seen: SeenWorkers | None = None,
    ) -> None:
        self._files = files
        self._tables = tuple(tables)
        self._seen = seen or SeenWorkers(files.folder / "seen.json", boot=files.place.boot)
        self._seeing = threading.Lock()
        self._publishers = [_Publisher(table, files, self._note) for table in tables]
        self._readers = [_Reader(table) for table in tables]
        self.host = files.host
        self.blind_to = ""

    def start(self) -> None:
        """Start one thread for each table."""
        for publisher in self._publishers:
            publisher.start()

    def stop(self) -> None:
        """End the threads; call it after the last `write`."""
        for publisher in self._publishers:
            publisher.ask_to_stop()
        for publisher in self._publishers:
            publisher.join()
        self.close()

    def close(self) -> None:
        """Let go of connections; the next use opens them again."""
        for table in self._tables:
            table.close()

    def write(self, record: WorkerRecord) -> None:
        """Replace the worker's file, and have it published. Raises OSError."""
        stamped = self._files.stamped(record)
        for publisher in self._publishers:
            publisher.publish(stamped)
        self._files.write(stamped)

    def remove(self, pid: int) -> None:
        """Forget a worker of this host; the tables follow when the service stops."""
        self._files.remove(pid)

    def read(self) -> tuple[WorkerView, ...]:
        """Return every worker by host and pid. `blind_to` says which tables did not answer."""
        for reader in self._readers:
            reader.ask()
        found: list[Aged] = []
        problems = []
        for reader in self._readers:
            try:
                found += reader.answer()
            except WorkerTableError as error:
                problems.append(str(error))
        self.blind_to = "; ".join(problems) if len(problems) == len(self._readers) else ""
        views = self._views(found)
        return tuple(views[worker] for worker in sorted(views))

    def _views(self, found: Sequence[Aged]) -> dict[WorkerId, WorkerView]:
        """Judge every worker of the files, of the tables, and of memory."""
        views = {view.record.id: view for view in self._files.read()}
        rows: dict[WorkerId, Aged] = {}
        for record, age in found:
            if not record.left and (record.id not in rows or age < rows[record.id][1]):
                rows[record.id] = (record, age)
        for id_, (seen, silent) in self._note(found).items():
            record, age = rows.get(id_, (seen, silent))
            if age > HEARTBEAT_LIMIT_S:  # how old it is says the signed record, not the stamp
                age = max(silent, _SILENT_S)
            view = self._files.view(record, age)
            known = views.get(id_)
            if known is None or (known.state is not WorkerState.LIVE and view.age < known.age):
                views[id_] = view
        return views

    def _note(self, found: Sequence[Aged]) -> dict[WorkerId, Aged]:
        """Remember what was found; return who has not left, and how long each has been silent."""
        with self._seeing:
            seen = self._seen.note(found)
            return {id_: (each.record, self._seen.age(each)) for id_, each in seen.items()}


class _Publisher:
    """Brings the newest record of this worker into one table."""

    def __init__(
        self, table: WorkerTable, files: WorkerFiles, note: Callable[[Sequence[Aged]], object]
    ) -> None:
        self._table = table
        self._files = files
        self._note = note
        self._news = threading.Event()
        self._stopping = False
        self._newest: WorkerRecord | None = None
        self._failing = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping, self._newest = False, None
        self._news.clear()
        self._thread = threading.Thread(
            target=self._run, name=f"workers in {self._table.name}", daemon=True
        )
        self._thread.start()

    def publish(self, record: WorkerRecord) -> None:
        self._newest = record
        self._news.set()

    def ask_to_stop(self) -> None:
        self._stopping = True
        self._news.set()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _run(self) -> None:
        reaped_at = time.monotonic()
        while True:
            there_is_news = self._news.wait(REAP_S)
            self._news.clear()
            if self._stopping:
                break
            if there_is_news:  # a worker that says nothing has no heartbeat: it may be stuck
                self._try(self._put)
            if time.monotonic() - reaped_at >= REAP_S:
                self._try(self._reap)
                reaped_at = time.monotonic()
        self._try(self._leave)

    def _put(self) -> None:
        if self._newest is not None:
            self._table.put(self._newest)

    def _reap(self) -> None:
        """Remember who is there, and say goodbye for those of this place who ended without."""
        found = self._table.read()
        self._note(found)
        for record, age in found:
            if age > FORGET_S:
                self._table.remove(record.id)
            elif not record.left and self._files.is_gone(record):
                self._table.put(replace(record, left=True))

    def _leave(self) -> None:
        if self._newest is not None:
            self._table.put(replace(self._newest, left=True))

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except WorkerTableError as error:
            if not self._failing:
                _log.warning("worker_table_failed", problem=str(error))
            self._failing = True
        else:
            self._failing = False


class _Reader:
    """Asks one table on a thread that may hang."""

    def __init__(self, table: WorkerTable) -> None:
        self._table = table
        self._answered = threading.Event()
        self._answered.set()
        self._hangs = False
        self._not_before = 0.0
        self._found: tuple[Aged, ...] | WorkerTableError = ()

    def ask(self) -> None:
        """Begin to read, unless the last answer is still awaited, or failed just now."""
        self._hangs = not self._answered.is_set()
        if not self._hangs and time.monotonic() >= self._not_before:
            self._answered.clear()
            threading.Thread(target=self._read, daemon=True).start()

    def answer(self) -> tuple[Aged, ...]:
        """Return what was found. Raises WorkerTableError, also for a table that hangs."""
        if not self._answered.wait(0 if self._hangs else READ_S):
            raise WorkerTableError(f"{self._table.name} does not answer")
        if isinstance(self._found, WorkerTableError):
            raise self._found
        return self._found

    def _read(self) -> None:
        try:
            self._found = self._table.read()
        except WorkerTableError as error:
            self._found = error
            self._not_before = time.monotonic() + AGAIN_S
        self._answered.set()
