"""Requests while the kill switch is engaged and let go of, and what became of each."""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.demo_users import DEMO_USERS
from bench.kit import budget
from bench.kit.counted import CANONICAL, calls_in
from bench.kit.spread import has_applied, last_to_apply
from bench.kit.table import Row
from flags.confirmation import latch_applied, wait_until_applied
from flags.kill_switch import KillSwitch
from flags.workers import WorkerRegistry
from scripts.hosts import Host

USERS = tuple(user.id for user in DEMO_USERS)
THREADS = 8
HELD_S = 0.05
PATIENCE_S = 5.0


@dataclass(slots=True)
class Load:
    """Threads that have rewards booked at a steady pace, on the hosts in turn."""

    hosts: Sequence[Host]
    per_second: int
    versions: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """For each user the versions that the answers named."""
    refused: list[str] = field(default_factory=list)
    """What was said instead of a booking."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once every request has been answered."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        """How many requests were answered with a booking."""
        return sum(map(len, self.versions.values()))

    def _run(self, number: int) -> None:
        host = self.hosts[number % len(self.hosts)]
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
        due = time.monotonic()
        turn = number
        while not self._stopping.is_set():
            user = USERS[turn % len(USERS)]
            self._order(connection, user)
            turn += 1
            due += THREADS / self.per_second
            time.sleep(max(0.0, due - time.monotonic()))
        connection.close()

    def _order(self, connection: http.client.HTTPConnection, user: int) -> None:
        body = json.dumps({"user": user, "kind": "mission"})
        connection.request("POST", "/look/reward", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        with self._lock:
            if answer.status == http.client.CREATED:
                self.versions[user].append(told["version"])
            else:
                self.refused.append(f"{answer.status}: {told}")


@dataclass(frozen=True, slots=True)
class Kill:
    """When a rollback was acknowledged, and when it was let go of: unix seconds."""

    acknowledged: float
    released: float


def kill_under_load(
    hosts: Sequence[Host],
    *,
    switch: KillSwitch,
    workers: WorkerRegistry,
    kills: int,
    per_second: int,
    within: float | None,
) -> list[Row]:
    """Engage and release `kills` times at most under load, and return what was found."""
    load = Load(hosts, per_second)
    began = time.monotonic()
    load.start()
    try:
        done = [_kill(hosts, switch, workers) for _ in budget.rounds(kills, within=within)]
    finally:
        load.stop()
    took = time.monotonic() - began
    return _rows(load, done, took)


def _kill(hosts: Sequence[Host], switch: KillSwitch, workers: WorkerRegistry) -> Kill | None:
    """Roll back as the command does, and resume; None if it was not acknowledged."""
    latch = switch.engage(who="bench", why="under load")
    confirmation = wait_until_applied(
        workers, latch_applied(latch), since=switch.placed_at, timeout=PATIENCE_S
    )
    acknowledged = time.time()
    time.sleep(HELD_S)
    released = time.time()
    last_to_apply(hosts, has_applied(switch.release(who="bench", why="under load")))
    time.sleep(HELD_S)
    everybody = sum(host.workers for host in hosts)
    whole = confirmation.complete and len(confirmation.confirmed) == everybody
    return Kill(acknowledged, released) if whole else None


def _rows(load: Load, kills: Sequence[Kill | None], took: float) -> list[Row]:
    done = [kill for kill in kills if kill is not None]
    subject = f"{THREADS} threads, {len(kills)} kills"
    calls = [call for host in load.hosts for call in calls_in(host.folder)]
    canonical = [at for at, side, _ in calls if side == CANONICAL]
    late = sum(1 for kill in done for at in canonical if kill.acknowledged <= at < kill.released)
    served = Counter(user for _, _, user in calls)
    asked = {user: len(versions) for user, versions in load.versions.items()}
    lost = sum(max(0, n - served[user]) for user, n in asked.items())
    doubled = sum(max(0, served[user] - n) for user, n in asked.items())
    unbooked = sum(max(v) - min(v) + 1 - len(set(v)) for v in load.versions.values())
    return [
        Row(subject, "served by canonical after the acknowledgement", "", late, 0),
        Row(subject, "lost", "", lost + unbooked, 0),
        Row(subject, "doubled", "", doubled, 0),
        Row(subject, "not acknowledged by all", "", len(kills) - len(done), 0),
        Row("requests", "answered", "a second", load.answered / took, load.per_second * 0.95, True),
        Row("requests", "refused", "", len(load.refused), 0),
        Row("requests", "served by canonical", "", len(canonical)),
        Row("requests", "served by legacy", "", len(calls) - len(canonical)),
    ]
