"""The guard where a server hangs during a breach, and where its leader dies: on real servers."""

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from app.adapters.guard_sql import SqlGuardStore
from app.adapters.latch_redis import RedisLatchStore
from app.adapters.ledger import SqlLedgerStore
from app.database import Database
from app.demo_users import seed
from app.guard_looks import GuardAlone, GuardOverAll
from app.settings import Settings
from flags.admin import EmbeddedAdmin
from flags.decision import BALANCE_NOTIFICATIONS, CANONICAL_FLAG, SHADOW_FLAG
from flags.history import FileHistory
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.latch_watch import WatchedStore
from scripts.hosts import Host
from scripts.servers import PostgresServer, RedisServer
from shim.shadow.counts import Cell
from shim.shadow.ledger_store import Batch
from tests.application import until
from tests.guard.stage import WRONG_BALANCE, Turncoat, farm, served

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

NAME = BALANCE_NOTIFICATIONS.migration
KEY = "the key that all hosts of this test share"
OVER_ALL = ("*", "canonical", "truth")


def test_with_a_database_that_hangs_a_worker_trips_and_redis_tells_the_others(
    settings: Settings,
    own_postgres: PostgresServer,
    redis_server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it counted itself is enough, samples included: nobody waits for the database."""
    url = own_postgres.url(own_postgres.create_database())
    database = Database(url, instance_path=tmp_path)
    database.upgrade()
    seed(database)
    database.dispose()
    looks = threading.Event()
    looks.set()
    for guard in (GuardAlone, GuardOverAll):
        monkeypatch.setattr(
            guard,
            "look",
            lambda each, latch, look=guard.look: look(each, latch) if looks.is_set() else None,
        )
    chosen = replace(settings, database_url=url, notify_bus_url=redis_server.url, secret_key=KEY)
    far = RedisLatchStore(redis_server.url, secret=KEY.encode)
    other = KillSwitch([FileLatchStore(tmp_path / "other.json")], far=[WatchedStore(far)])
    try:
        with served(chosen) as built:
            farm(built)
            looks.clear()  # what is bad is counted, and by nobody seen, before the database hangs
            Turncoat.bad = True
            farm(built, first=1)
            own_postgres.freeze()
            try:
                looks.set()
                until(lambda: built.parts.kill_switch.latch.engaged, within=5)
                until(lambda: other.poll() or other.latch.epoch > 0, within=5)
                why = other.latch.why
            finally:
                own_postgres.thaw()
            assert (other.latch.engaged, other.latch.who) == (True, "guard")
            assert re.search(WRONG_BALANCE, why), why
            until(lambda: built.parts.stage() == "rolled_back")
    finally:
        other.stop()


@pytest.fixture
def host(own_postgres: PostgresServer, redis_server: RedisServer, tmp_path: Path) -> Iterator[Host]:
    """Serve with three workers, everybody on canonical and compared."""
    environ = {
        "DATABASE_URL": own_postgres.url(own_postgres.create_database()),
        "NOTIFY_BUS_URL": redis_server.url,
        "SHIM_SECRET_KEY": KEY,
        "SHIM_DEMO": "1",
        "SHIM_SCHEDULERS": "off",
    }
    one = Host(tmp_path / "host", name="host", workers=3, environ=environ)
    one.flask("demo", "prepare")
    for flag in (CANONICAL_FLAG, SHADOW_FLAG):
        EmbeddedAdmin(one.settings.flag_file).set_percentage(flag, 100)
    try:
        one.start()
        one.wait_until_ready()
        yield one
    finally:
        one.stop()


class Ledger:
    """The ledger of a host, into which a worker of another one hands."""

    def __init__(self, host: Host) -> None:
        self._url = host.settings.database_url
        self._database = Database(self._url, instance_path=host.folder)
        self._store = SqlLedgerStore(self._database)
        self._batches = Counter[str]()
        self.guard = SqlGuardStore(self._database, migration=NAME, comparisons=("truth",))

    def hand_in(self, what: str, count: int) -> None:
        """Add so many of something that was found."""
        self._batches["elsewhere"] += 1
        cells = {Cell(*OVER_ALL, what): count}
        self._store.add(Batch(f"elsewhere:1:0:{NAME}", self._batches["elsewhere"], cells, ()))

    def tested(self) -> int:
        """Return how many comparisons the guard's test has seen, by the record that is kept."""
        record = self.guard.read().record
        tests = record.memories["truth"].tests if record is not None else {}
        return tests["*"].trials if "*" in tests else 0

    def leader(self) -> int | None:
        """Return the process that holds the guard's lease."""
        held = "SELECT holder FROM leases WHERE name = 'guard' AND expires_at > clock_timestamp()"
        with psycopg.connect(self._url) as connection:
            row = connection.execute(held).fetchone()
        return None if row is None else int(str(row[0]).split()[1])

    def close(self) -> None:
        """Close the connections."""
        self._database.dispose()


@pytest.mark.processes
def test_a_leader_that_is_killed_is_followed_by_another_which_goes_on_and_trips_once(
    host: Host,
) -> None:
    """The next one goes on from the record that was kept; a breach is one entry, one epoch."""
    ledger = Ledger(host)
    try:
        until(lambda: ledger.guard.read().record is not None)
        ledger.hand_in("matched", 500)
        until(lambda: ledger.tested() == 500)
        first = ledger.leader()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: ledger.leader() not in {None, first}, within=15)
        ledger.hand_in("matched", 100)
        until(lambda: ledger.tested() == 600, within=15)
        before = max(view.record.epoch for view in host.live())
        ledger.hand_in("harm:wrong_amount", 3)
        until(lambda: len(host.live()) == 3 and all(v.record.engaged for v in host.live()))
        assert len({view.record.epoch for view in host.live()} - {before}) == 1
        # Workers follow before whoever tripped has written down that it did.
        until(lambda: FileHistory(host.settings.history_file).read().entries)
        tripped = [line for line in host.output.splitlines() if '"guard_tripped"' in line]
        assert [json.loads(line)["limit"] for line in tripped] == ["wrong_amount"]
        [entry] = [
            each
            for each in FileHistory(host.settings.history_file).read().entries
            if each.who == "guard"
        ]
        assert entry.after == "rolled_back"
    finally:
        ledger.close()
