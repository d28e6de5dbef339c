"""Hosts, servers and workers without a thread: each does what it does when it is told to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.runtime import Control
from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch import Latch, LatchStoreError, Placed
from flags.latch_watch import WatchedStore
from flags.state import FlagState, load_state
from flags.workers import WorkerRecord
from tests.shim.harness import Harness

USERS = (10, 22, 31)


@dataclass
class Server:
    """Something that keeps a value and may be away."""

    name: str
    there: bool = True
    content: Any = None


class Store:
    """One process's way to the latch on a server, or in a file, which never is away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.name = server.name

    def read(self) -> Latch | None:
        """Return the latch, or fail."""
        self._reach()
        latch: Latch | None = self._server.content
        return latch

    def put(self, latch: Latch) -> Placed:
        """Keep the higher one, or fail."""
        self._reach()
        if latch.outranks(self._server.content):
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


class Record:
    """Keeps the one record of its worker."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.blind_to = ""
        self.newest: WorkerRecord | None = None

    def write(self, record: WorkerRecord) -> None:
        """Keep it."""
        self.newest = record

    def remove(self, pid: int) -> None:
        """Forget it."""
        self.newest = None

    def read(self) -> tuple[()]:
        """Nobody reads here."""
        return ()

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


class Worker:
    """A worker of a host, with the real control, kill switch, migration and live sides."""

    def __init__(self, world: "World", host: str) -> None:
        self.host = host
        self.harness = Harness(percent=0, shadow=0)
        self.harness.truth.booked = world.booked
        migration = self.harness.migration
        migration.canonical = Watched(migration.canonical, world)
        self.switch = world.switch(host)
        self.provider = ServedFlags(world.unleash)
        self.record = Record(host)
        self.control = Control(
            kill_switch=self.switch,
            provider=self.provider,
            migration=migration,
            workers=self.record,
            answer=lambda: None,
            count=lambda: None,
            now=lambda: world.now,
        )
        self.provider.start()
        self.control.turn()
        self.pages = {user: self.harness.connect(user, f"page of {user}") for user in USERS}

    def look(self) -> None:
        """Look at the servers once."""
        for store in self.switch._far:
            store.turn()

    def serves(self, user: int) -> bool:
        """Tell whether the canonical serves the user here."""
        return bool(self.harness.migration.serves(user))

    def has(self, latch: Latch) -> bool:
        """Tell whether the worker says that it has applied the latch."""
        record = self.record.newest
        assert record is not None
        return (record.epoch, record.engaged) >= (latch.epoch, latch.engaged)


@dataclass
class World:
    """Three hosts and what they share."""

    redis: Server = field(default_factory=lambda: Server("redis"))
    sql: Server = field(default_factory=lambda: Server("sql"))
    unleash: Server = field(default_factory=lambda: Server("unleash", content=(1, 0)))
    files: dict[str, Server] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    booked: dict[int, Any] = field(default_factory=dict)
    now: float = 2_000_000_000.0
    acknowledged: bool = False
    violations: int = 0

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

    def kill(self, host: str) -> None:
        """Roll back on a host; acknowledged if every worker has confirmed after its next looks."""
        latch = self.switch(host).engage(who="operator", why="a drill")
        for worker in self.workers:
            worker.look()
            worker.control.turn()
        self.acknowledged = all(worker.has(latch) for worker in self.workers)

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
        worker.harness.clock.advance(0.05)
