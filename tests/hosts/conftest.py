"""A PostgreSQL and a Redis of the test's own, and hosts that share them."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from app.adapters.latch_redis import RedisLatchStore
from app.adapters.latch_sql import SqlLatchStore
from app.adapters.shared_sql import SharedSql
from app.adapters.workers_redis import RedisWorkerTable
from app.adapters.workers_sql import SqlWorkerTable
from app.database import Database
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.latch_watch import FarStore, WatchedStore
from flags.shared_workers import SharedWorkers
from flags.workers import WorkerFiles
from scripts.servers import PostgresServer, RedisServer, postgres_package
from tests.patience import PATIENCE_S
from tests.servers import present

SECRET = b"the key that all hosts of this test share"
GONE_S = 5.0
"""More than any of this takes, and less than a test may."""


def until(condition: Callable[[], object], *, within: float = 20.0) -> float:
    """Return after how many seconds the condition held; fail once it took too long."""
    began, within = time.monotonic(), max(within, PATIENCE_S)
    while not condition():
        assert time.monotonic() - began < within, f"it did not come true within {within} s"
        time.sleep(0.002)
    return time.monotonic() - began


@pytest.fixture(scope="session")
def own_postgres_server() -> Iterator[tuple[PostgresServer, str]]:
    """Yield a PostgreSQL that tests may freeze, and the URL of a database with all tables."""
    server = PostgresServer(present(postgres_package))
    try:
        server.start()
        url = server.url(server.create_database())
        database = Database(url, instance_path=Path())
        database.upgrade()
        database.dispose()
        yield server, url
    finally:
        server.stop()


class Servers:
    """What hosts share: a Redis and a PostgreSQL, which may be away one by one or together."""

    def __init__(self, redis: RedisServer, postgres: PostgresServer, url: str) -> None:
        self.redis = redis
        self.postgres = postgres
        self.postgres_url = url
        self.opened: list[SharedSql] = []

    @contextmanager
    def away(self, *names: str, how: str = "frozen") -> Iterator[None]:
        """Keep these from answering for the length of the block."""
        with ExitStack() as stack:
            for name in names:
                server: RedisServer | PostgresServer = getattr(self, name)
                if how == "frozen":
                    server.freeze()
                    stack.callback(server.thaw)
                else:
                    server.kill()
                    stack.callback(server.start)
            yield

    def sql(self) -> SharedSql:
        """Return connections to the database, closed after the test."""
        self.opened.append(SharedSql(self.postgres_url, instance_path=Path()))
        return self.opened[-1]

    def latch_stores(self) -> list[FarStore]:
        """Return the stores of one process, as the factory has them."""
        return [
            RedisLatchStore(self.redis.url, secret=lambda: SECRET),
            SqlLatchStore(self.sql(), secret=lambda: SECRET),
        ]


@pytest.fixture
def servers(
    redis_server: RedisServer, own_postgres_server: tuple[PostgresServer, str]
) -> Iterator[Servers]:
    """Yield both servers, empty."""
    server, url = own_postgres_server
    found = Servers(redis_server, server, url)
    yield found
    sql = found.sql()
    with sql.transaction() as connection:
        connection.exec_driver_sql("TRUNCATE latch, workers, leases")
    for sql in found.opened:
        sql.close()


NewSwitch = Callable[[str], KillSwitch]


@pytest.fixture
def new_switch(servers: Servers, tmp_path: Path) -> Iterator[NewSwitch]:
    """Return what builds a kill switch as a process that starts on a host has it."""
    made: list[KillSwitch] = []

    def make(host: str) -> KillSwitch:
        switch = KillSwitch(
            [FileLatchStore(tmp_path / host / "latch.json")],
            far=[WatchedStore(store) for store in servers.latch_stores()],
        )
        switch.poll()
        made.append(switch)
        return switch

    yield make
    for switch in made:
        switch.stop()


NewRegistry = Callable[..., SharedWorkers]


@pytest.fixture
def new_registry(servers: Servers, tmp_path: Path) -> Iterator[NewRegistry]:
    """Return what builds the registry of a process on a host, publishing if it is `started`."""
    made: list[SharedWorkers] = []

    def make(host: str, *, started: bool = True) -> SharedWorkers:
        registry = SharedWorkers(
            WorkerFiles(tmp_path / host / "run", host=host),
            [
                RedisWorkerTable(servers.redis.url, secret=lambda: SECRET),
                SqlWorkerTable(servers.sql(), secret=lambda: SECRET),
            ],
        )
        made.append(registry)
        if started:
            registry.start()
        return registry

    yield make
    for registry in made:
        registry.stop()
