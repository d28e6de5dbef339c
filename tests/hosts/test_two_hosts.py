"""Two real hosts with two gunicorn workers each, on a real PostgreSQL and a real Redis."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psycopg
import pytest

from flags.admin import EmbeddedAdmin
from flags.decision import CANONICAL_FLAG
from scripts.hosts import Host
from scripts.servers import PostgresServer, RedisServer, postgres_package, redis_program
from tests.hosts.conftest import until
from tests.processes.page import Page, reward
from tests.servers import present

pytestmark = [pytest.mark.processes, pytest.mark.postgres, pytest.mark.redis]

USER = 74
PAGES = 4
SECRET = "the key that both hosts of this test share"


class Shared:
    """What both hosts use, and the hosts."""

    def __init__(self, hosts: list[Host], redis: RedisServer, postgres: PostgresServer) -> None:
        self.hosts = hosts
        self.redis = redis
        self.postgres = postgres

    def everybody(self, percentage: int) -> None:
        """Set the canonical's percentage on both hosts."""
        for host in self.hosts:
            EmbeddedAdmin(host.settings.flag_file).set_percentage(CANONICAL_FLAG, percentage)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Serve on two hosts; one start for the tests of this file."""
    folder = tmp_path_factory.mktemp("two")
    with ExitStack() as stack:
        redis = RedisServer(present(redis_program))
        stack.callback(redis.stop)
        redis.start()
        postgres = PostgresServer(present(postgres_package))
        stack.callback(postgres.stop)
        postgres.start()
        environ = {
            "NOTIFY_BUS_URL": redis.url,
            "DATABASE_URL": postgres.url(postgres.create_database()),
            "SHIM_SECRET_KEY": SECRET,
            "SHIM_DEMO": "1",
            "SHIM_SWEEP_INTERVAL_S": "1",
            "SHIM_FARMING_INTERVAL_S": "3600",
            "SHIM_BOOST_INTERVAL_S": "3600",
        }
        hosts = [
            Host(folder / name, name=name, workers=2, environ=environ) for name in ("one", "two")
        ]
        for host in hosts:
            host.prepare()
        for host in hosts:
            stack.callback(host.stop)
            host.start()
        for host in hosts:
            host.wait_until_ready()
        yield Shared(hosts, redis, postgres)


def test_flips_while_rewards_are_booked_on_both_hosts_lose_and_double_nothing(
    shared: Shared,
) -> None:
    """Six rollbacks and resumes; versions only grow on each page, and the last one is on all."""
    shared.everybody(100)
    newest, stopping = [0], threading.Event()

    def book() -> None:
        turn = 0
        while not stopping.is_set():
            newest[0] = reward(shared.hosts[turn % 2].url, USER)
            turn += 1
            stopping.wait(0.02)

    switch = shared.hosts[0].deciding().kill_switch
    with ExitStack() as stack:
        pages = [stack.enter_context(Page(shared.hosts[n % 2].url, USER)) for n in range(PAGES)]
        until(lambda: all(page.versions for page in pages))
        booking = threading.Thread(target=book)
        booking.start()
        try:
            for _ in range(6):
                time.sleep(0.2)
                switch.engage(who="test", why="a flip")
                time.sleep(0.2)
                switch.release(who="test", why="a flip")
        finally:
            stopping.set()
            booking.join()
            switch.stop()
        until(lambda: all(page.versions[-1] == newest[0] for page in pages))
        assert all(page.versions == sorted(set(page.versions)) for page in pages)


def test_a_rollback_on_one_host_names_the_workers_of_both(shared: Shared) -> None:
    """Each with its milliseconds; `status` on the other host shows all four as following."""
    said = shared.hosts[0].flask("rollout", "rollback", "--reason", "drill")
    assert len(re.findall(r"worker \d+ confirmed after \d+ ms", said)) == 2
    assert len(re.findall(r"worker \d+ of host two confirmed after \d+ ms", said)) == 2
    status = json.loads(shared.hosts[1].flask("rollout", "status", "--json"))
    assert [worker["follows"] for worker in status["workers"]] == [True] * 4
    assert {worker["host"] for worker in status["workers"]} == {"one", "two"}
    assert status["workers_unseen"] == ""


def test_a_frozen_worker_of_the_other_host_is_named_and_stands_first(shared: Shared) -> None:
    """The command exits 1; `status` shows the laggard before the others."""
    frozen = shared.hosts[1].live()[0].record.pid
    os.kill(frozen, signal.SIGSTOP)
    try:
        until(lambda: frozen not in {view.record.pid for view in shared.hosts[1].live()}, within=10)
        done = shared.hosts[0].run_flask("rollout", "rollback", "--reason", "drill")
        assert done.returncode == 1
        assert f"worker {frozen} of host two has not confirmed" in done.stderr
        status = json.loads(shared.hosts[0].flask("rollout", "status", "--json"))
        first = status["workers"][0]
        assert (first["pid"], first["state"]) == (frozen, "unconfirmed")
    finally:
        with suppress(ProcessLookupError):  # gunicorn ends a worker that is silent for 30 s
            os.kill(frozen, signal.SIGCONT)
    until(lambda: len(shared.hosts[1].live()) == 2)


def test_a_resume_waits_for_the_flags_of_the_other_host(shared: Shared) -> None:
    """A flag file is its host's alone: until the other one says the same, the latch stays."""
    shared.everybody(50)
    shared.hosts[0].flask("rollout", "rollback", "--reason", "drill")
    done = shared.hosts[0].run_flask("rollout", "resume", "--reason", "over")
    assert done.returncode == 1
    assert "of host two" in done.stderr
    assert "the latch is still engaged" in done.stderr
    shared.everybody(1)
    assert "resumed" in shared.hosts[0].flask("rollout", "resume", "--reason", "over")


def test_without_both_servers_a_rollback_holds_on_its_host_and_says_that_it_is_blind(
    shared: Shared,
) -> None:
    """The own workers confirm at once, the others follow when a server is back."""
    shared.redis.freeze()
    shared.postgres.freeze()
    try:
        done = shared.hosts[0].run_flask("rollout", "rollback", "--reason", "drill")
        assert done.returncode == 1, done.stdout + done.stderr
        assert len(re.findall(r"worker \d+ confirmed after \d+ ms", done.stdout)) == 2
        assert "workers of other hosts cannot be seen" in done.stderr
        assert "was not written to Redis" in done.stderr
        assert "was not written to the database" in done.stderr
    finally:
        shared.redis.thaw()
        shared.postgres.thaw()
    until(lambda: all(view.record.engaged for view in shared.hosts[1].live()))


def leading(shared: Shared) -> str | None:
    """Return the host of whoever runs the schedulers, None while nobody does."""
    url = shared.hosts[0].settings.database_url
    with psycopg.connect(url) as connection:
        held = "SELECT holder FROM leases WHERE expires_at > clock_timestamp()"
        row = connection.execute(held).fetchone()
    return None if row is None else str(row[0]).split()[0]


def test_the_schedulers_go_on_within_ten_seconds_of_the_death_of_their_host(
    shared: Shared,
) -> None:
    """One worker of four leads; its host is killed whole, and the other one takes over."""
    until(lambda: leading(shared) is not None)
    first = leading(shared)
    [leader] = [host for host in shared.hosts if host.name == first]
    leader.kill()
    assert until(lambda: leading(shared) not in {None, first}) < 10
