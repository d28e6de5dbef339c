"""Workers of several hosts: who is there, by whose clock, and what is said without the servers."""

import os
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert

from app.adapters.workers_redis import KEY
from app.models import KnownWorker
from flags.shared_workers import SharedWorkers
from flags.workers import WorkerId, WorkerRecord, WorkerState, process_start
from tests.hosts.conftest import NewRegistry, Servers, until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ALL = ("redis", "postgres")


def record(host: str, **fields: object) -> WorkerRecord:
    """Return the record of this very process, as a worker of the host."""
    now = time.time()
    started = process_start(os.getpid()) or 0.0
    well = WorkerRecord(os.getpid(), started, host, 1, now, 1, now, now, now)
    return replace(well, **fields)  # type: ignore[arg-type]


def states(registry: SharedWorkers) -> dict[str, WorkerState]:
    """Return what is known of the worker of each host."""
    return {view.record.host: view.state for view in registry.read()}


def test_a_worker_is_seen_from_the_other_host_and_gone_when_it_leaves(
    new_registry: NewRegistry,
) -> None:
    """It is published at once, and taken back in good order."""
    here, there = new_registry("here"), new_registry("there")
    there.write(record("there", epoch=3))
    here.write(record("here"))
    until(lambda: states(here) == {"here": WorkerState.LIVE, "there": WorkerState.LIVE})
    [view] = [view for view in here.read() if view.record.host == "there"]
    assert (view.record.epoch, here.blind_to) == (3, "")
    there.remove(os.getpid())
    there.stop()
    until(lambda: states(here) == {"here": WorkerState.LIVE})


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_the_clock_of_another_host_does_not_matter(new_registry: NewRegistry, skew: float) -> None:
    """An hour off, and its worker is as live as it is: the servers' clocks count."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there", heartbeat=time.time() + skew))
    until(lambda: states(here) == {"there": WorkerState.LIVE})
    until(lambda: states(here) == {"there": WorkerState.UNCONFIRMED}, within=5)


@pytest.mark.parametrize("how", ["frozen", "killed"])
@pytest.mark.parametrize("lost", ALL)
def test_with_one_server_lost_the_other_shows_the_workers(
    servers: Servers, new_registry: NewRegistry, lost: str, how: str
) -> None:
    """Nobody is blind, and nobody waits for the one that hangs more than once."""
    here, there = new_registry("here", started=False), new_registry("there")
    with servers.away(lost, how=how):
        there.write(record("there", epoch=8))
        until(lambda: [view.record.epoch for view in here.read()] == [8])
        assert here.blind_to == ""


def test_without_both_servers_the_own_host_is_shown_and_the_blindness_said(
    servers: Servers, new_registry: NewRegistry
) -> None:
    """What cannot be seen is never taken for not being there."""
    here = new_registry("here")
    with servers.away(*ALL):
        here.write(record("here"))
        assert states(here) == {"here": WorkerState.LIVE}
        assert "Redis" in here.blind_to
        assert "the database" in here.blind_to
        began = time.monotonic()
        for _ in range(20):
            here.read()
        assert time.monotonic() - began < 4
    until(lambda: here.read() and here.blind_to == "")


def test_workers_that_were_killed_are_forgotten_by_their_host(new_registry: NewRegistry) -> None:
    """A mate on its host sees that the process is gone; another host need not wait a minute."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there", pid=2**22 + 7))  # no process has such a number
    until(lambda: WorkerId("there", 2**22 + 7) in {view.record.id for view in here.read()})
    for _ in range(3):
        there.write(record("there"))
        time.sleep(0.6)
    until(lambda: [view.record.id for view in here.read()] == [WorkerId("there", os.getpid())])


def test_a_record_that_nobody_signed_confirms_nothing(
    servers: Servers, new_registry: NewRegistry
) -> None:
    """A stranger on Redis cannot make up a worker that has followed."""
    here, there = new_registry("here", started=False), new_registry("there")
    with servers.redis.client() as client:
        client.hset(KEY, "there 1", b"1.0 " + b"0" * 64 + b'.{"pid":1}')
    there.write(record("there", epoch=5))
    until(lambda: [view.record.epoch for view in here.read()] == [5])


def test_what_a_killed_worker_of_another_key_and_version_left_blinds_nobody(
    servers: Servers, new_registry: NewRegistry
) -> None:
    """It cannot be read for good; after a minute it is of nobody who lives, and passed over."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there"))
    sql = servers.sql()

    def leave(seconds_ago: float) -> None:
        stamp = f"{time.time() - seconds_ago:.6f} ".encode()
        with servers.redis.client() as client:
            client.hset(KEY, "left 1", stamp + b"0" * 64 + b'.{"pid":1}')
        seen_at = func.clock_timestamp() - timedelta(seconds=seconds_ago)
        with sql.transaction() as connection:
            connection.execute(delete(KnownWorker).where(KnownWorker.host == "left"))
            row = {"host": "left", "pid": 1, "record": '{"pid":1}', "seen_at": seen_at}
            connection.execute(insert(KnownWorker).values(**row))

    leave(30)
    until(lambda: here.read() is not None and here.blind_to)
    leave(90)
    until(lambda: set(states(here)) == {"there"} and not here.blind_to)
