"""Hosts, servers and workers without a thread: each does what it does when it is told to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.runtime import Control
from flags.body import flag_body, flag_feature
from flags.confirmation import latch_applied, wait_until_applied
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch import Latch, LatchStoreError, Placed
from flags.latch_watch import WatchedStore
from flags.places import Place
from flags.seen_workers import SeenWorkers
from flags.shared_workers import Aged, SharedWorkers, WorkerTableError, read_rows
from flags.state import FlagState, load_state
from flags.workers import WorkerFiles, WorkerId, WorkerRecord, WorkerView
from tests.shim.harness import Harness

USERS = (10, 22, 31)


@dataclass
class Server:
    """Something that keeps a value and may be away."""

    name: str
    there: bool = True
    content: Any = None
    rows: dict[WorkerId, tuple[Any, float]] = field(default_factory=dict)
    """Records of workers, with the moments that are stamped on them."""
    latches: list[Latch] = field(default_factory=list)
    words: list[WorkerRecord] = field(default_factory=list)
    """All that was ever signed: what a stranger may have kept."""


FORGED = "signed by nobody who has the key"


class Store:
    """One process's way to the latch on a server, or in a file, which never is away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.name

    def read(self) -> Latch | None:
        """Return the latch, or fail."""
        self._reach()
        latch: Latch | None = self._server.content
        if self._server.content is FORGED:
            raise LatchStoreError(f"{self.name} cannot be read")
        return latch

    def put(self, latch: Latch) -> Placed:
        """Keep the higher one, over whatever nobody signed, or fail."""
        self._reach()
        self._server.latches.append(latch)
        if self._server.content is FORGED or latch.outranks(self._server.content):
            self._server.content = latch
        return Placed(self._server.content, 1.0)

    def close(self) -> None:
        """Do nothing."""

    def _reach(self) -> None:
        if not self._server.there:
            raise LatchStoreError(f"{self.name} is away")


class HandTurned(WatchedStore):
    """A watched store that looks when it is told to, and has no thread."""

    def start(self) -> None:
        """Look for the first time."""
        self._look()

    def turn(self) -> None:
        """Look once more."""
        self._look()


class ServedFlags:
    """A provider on a flag server: what it has stays while the server is away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.state = FlagState(0, "server")
        self.ready = False
        self.problem: str | None = None

    def start(self) -> None:
        """Ask for the first time."""
        self.poll()

    def attach(self, changed: Callable[[], object]) -> None:
        """Do nothing: nobody knows of a change before it is asked for."""

    def stop(self) -> None:
        """Do nothing."""

    def poll(self) -> bool:
        """Ask once."""
        revision, percent = self._server.content
        if not self._server.there or revision == self.state.revision:
            return False
        features = [
            flag_feature(CANONICAL_FLAG, percentage=percent),
            flag_feature(SHADOW_FLAG, percentage=0),
        ]
        self.state = load_state(flag_body(revision, features), source="server")
        return True


class Table:
    """One process's way to the records of workers on a server."""

    def __init__(self, server: Server, world: "World") -> None:
        self._server = server
        self._world = world
        self.name = server.name

    def put(self, record: WorkerRecord) -> None:
        """Keep a record, stamped with this moment, or fail."""
        self._reach()
        self._server.words.append(record)
        self._server.rows[record.id] = (record, self._world.now)

    def remove(self, worker: WorkerId) -> None:
        """Forget a worker, or fail."""
        self._reach()
        self._server.rows.pop(worker, None)

    def read(self) -> tuple[Aged, ...]:
        """Return every record with the age that its stamp says, or fail."""
        self._reach()
        rows = [(row, self._world.now - stamp) for row, stamp in self._server.rows.values()]
        return read_rows(rows, _signed)

    def close(self) -> None:
        """Do nothing."""

    def _reach(self) -> None:
        if not self._server.there:
            raise WorkerTableError(f"{self.name} is away")


def _signed(row: Any) -> WorkerRecord:
    if row is FORGED:
        raise WorkerTableError("a record is none of ours")
    record: WorkerRecord = row
    return record


class Record:
    """A process's way to the workers, with the files of its host and all tables.

    All processes of a test have one pid: this one is given its own.
    """

    def __init__(self, world: "World", place: Place, pid: int) -> None:
        self._pid = pid
        self.host = place.host
        self.newest: WorkerRecord | None = None
        folder = world.folder / place.host
        files = WorkerFiles(
            folder,
            now=lambda: world.now,
            ended=lambda pid, _: (place, pid) not in world.processes,
            place=place,
        )
        seen = SeenWorkers(
            folder / "seen.json",
            boot=place.boot,
            clock=lambda: world.now,
            now=lambda: world.now,
        )
        tables = [Table(server, world) for server in (world.redis, world.sql)]
        self._shared = SharedWorkers(files, tables, seen=seen)

    @property
    def blind_to(self) -> str:
        """Why the last reading may lack workers."""
        return self._shared.blind_to

    def write(self, record: WorkerRecord) -> None:
        """Write it down, and publish it as the threads of a worker do."""
        self.newest = replace(record, pid=self._pid)
        self._shared.write(self.newest)
        for publisher in self._shared._publishers:
            publisher._try(publisher._put)

    def look_after_others(self) -> None:
        """Remember who is there, and say goodbye for who ended without, as those threads do."""
        for publisher in self._shared._publishers:
            publisher._try(publisher._reap)

    def leave(self) -> None:
        """End in good order."""
        self._shared.remove(self._pid)
        for publisher in self._shared._publishers:
            publisher._try(publisher._leave)

    def remove(self, pid: int) -> None:
        """Never called here."""
        raise AssertionError

    def read(self) -> tuple[WorkerView, ...]:
        """Return what is known of all workers."""
        for reader in self._shared._readers:
            reader._not_before = 0.0
        return self._shared.read()

    def close(self) -> None:
        """Do nothing."""


class Watched:
    """The canonical, which counts the calls that it serves though it must not."""

    def __init__(self, behind: Any, world: "World") -> None:
        self._behind = behind
        self._world = world

    def notify_balance_update(self, hint: Any) -> Any:
        """Count a call after an acknowledged rollback, then make it."""
        self._world.violations += self._world.acknowledged
        return self._behind.notify_balance_update(hint)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


class Applied:
    """A migration that keeps what it follows."""

    def __init__(self) -> None:
        self.latch: Latch | None = None

    def apply(self, _: Any, latch: Latch) -> None:
        """Follow it."""
        self.latch = latch


class Follower:
    """A worker that follows the kill switch with the real control, and serves nobody."""

    def __init__(self, world: "World", place: Place) -> None:
        self.place = place
        self.stopped = False
        self.pid = world.new_process(place)
        self.record = Record(world, place, self.pid)
        self.switch = world.switch(place.host)
        self.provider = ServedFlags(world.unleash)
        self.migration = self.build(world)
        self.control = Control(
            kill_switch=self.switch,
            provider=self.provider,
            migration=self.migration,
            workers=self.record,
            answer=lambda: None,
            count=lambda: None,
            now=lambda: world.now,
        )
        self.provider.start()
        self.control.turn()

    def build(self, _: "World") -> Any:
        """Return what is flipped."""
        return Applied()

    def look(self) -> None:
        """Look at the servers once."""
        for store in self.switch._far:
            store.turn()

    def tick(self) -> None:
        """Let a moment pass."""


class Worker(Follower):
    """A worker of a host, with the real migration and live sides as well."""

    def __init__(self, world: "World", place: Place) -> None:
        super().__init__(world, place)
        self.pages = {user: self.harness.connect(user, f"page of {user}") for user in USERS}

    def build(self, world: "World") -> Any:
        """Return the migration, of which the canonical is watched."""
        self.harness = Harness(percent=0, shadow=0)
        self.harness.truth.booked = world.booked
        migration = self.harness.migration
        migration.canonical = Watched(migration.canonical, world)
        return migration

    def tick(self) -> None:
        """Let a moment pass on the clock of its sides."""
        self.harness.clock.advance(0.05)

    def serves(self, user: int) -> bool:
        """Tell whether the canonical serves the user here."""
        return bool(self.harness.migration.serves(user))


@dataclass
class World:
    """Three hosts and what they share."""

    redis: Server = field(default_factory=lambda: Server("redis"))
    sql: Server = field(default_factory=lambda: Server("sql"))
    unleash: Server = field(default_factory=lambda: Server("unleash", content=(1, 0)))
    files: dict[str, Server] = field(default_factory=dict)
    workers: list[Any] = field(default_factory=list)
    booked: dict[int, Any] = field(default_factory=dict)
    now: float = 2_000_000_000.0
    acknowledged: bool = False
    violations: int = 0
    processes: set[tuple[Place, int]] = field(default_factory=set)
    pids: dict[Place, int] = field(default_factory=dict)
    _folder: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)

    @property
    def folder(self) -> Path:
        """Where hosts have their files."""
        return Path(self._folder.name)

    @property
    def running(self) -> list[Any]:
        """The workers that do something."""
        return [worker for worker in self.workers if not worker.stopped]

    def new_process(self, place: Place) -> int:
        """Return the pid of a process that begins; each namespace counts from one."""
        pid = self.pids[place] = self.pids.get(place, 0) + 1
        self.processes.add((place, pid))
        return pid

    def fork(self, place: Place, kind: type[Follower] = Worker) -> None:
        """Start a worker; within a second every running one knows of it."""
        self.workers.append(kind(self, place))
        for worker in self.running:
            worker.record.look_after_others()

    def live(self, seconds: float) -> None:
        """Let time pass in which the running workers do what they always do."""
        self.now += seconds
        for worker in self.running:
            worker.look()
            worker.control.turn()
            worker.record.look_after_others()

    def end(self, worker: Follower, *, with_a_word: bool) -> None:
        """End a worker."""
        self.workers.remove(worker)
        self.processes.remove((worker.place, worker.pid))
        if with_a_word:
            worker.record.leave()

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def switch(self, host: str) -> KillSwitch:
        """Return the kill switch of a process that starts on the host."""
        file = self.files.setdefault(host, Server(f"file of {host}"))
        switch = KillSwitch(
            [Store(file)],
            far=[HandTurned(Store(server)) for server in (self.redis, self.sql)],
            utc_now=lambda: datetime.fromtimestamp(self.now, UTC),
        )
        switch.poll()
        return switch

    def kill(self, place: Place) -> None:
        """Roll back by a command at a place; acknowledged if it says that all have confirmed.

        Every running worker looks in the time that the command waits.
        """
        latch = self.switch(place.host).engage(who="operator", why="a drill")
        for worker in self.running:
            worker.look()
            worker.control.turn()
        ticks = iter(range(1000))
        confirmation = wait_until_applied(
            Record(self, place, 0),
            latch_applied(latch),
            since=self.now,
            timeout=1.5,
            monotonic=lambda: float(next(ticks)),
            sleep=lambda _: None,
            now=lambda: self.now,
        )
        self.acknowledged = confirmation.complete

    def release(self, host: str) -> None:
        """Let go on a host: from now on the canonical may serve again."""
        self.acknowledged = False
        self.switch(host).release(who="operator", why="it is over")

    def book(self, worker: Worker, user: int) -> None:
        """Book a reward on a worker, and tell the others by the bus if it is there."""
        worker.harness.hook(user_id=user)
        if self.redis.there:
            for other in self.workers:
                if other is not worker:
                    other.harness.migration.canonical.look_again([user])

    def quiet(self) -> None:
        """Bring every server back, and let everybody look until nothing can move any more."""
        for server in (self.redis, self.sql, self.unleash):
            server.there = True
            if server.content is FORGED:
                server.content = None  # until somebody orders anything, it stays
        for worker in self.workers:
            worker.stopped = False
        for _ in range(3):
            for worker in self.workers:
                worker.look()
                worker.control.turn()
        for worker in self.workers:
            worker.harness.clock.advance(1.0)
            worker.harness.migration.canonical.look_again(USERS)
            worker.harness.clock.advance(1.0)


@contextmanager
def time_passes(world: World) -> Iterator[None]:
    """Let a second pass after what is done within."""
    yield
    world.now += 1.0
    for worker in world.workers:
        worker.tick()
