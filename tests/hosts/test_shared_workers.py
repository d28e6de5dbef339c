"""Workers of several hosts: who is there, by whose clock, and what is said without the servers."""

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert

from app.adapters.workers_redis import KEY
from app.adapters.workers_sql import SqlWorkerTable
from app.models import KnownWorker
from flags.places import process_start
from flags.seen_workers import SeenWorkers
from flags.shared_workers import Aged, SharedWorkers
from flags.workers import SILENCE_LIMIT_S, WorkerFiles, WorkerRecord, WorkerState
from tests.hosts.conftest import NewRegistry, Servers, until
from tests.patience import patient

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ALL = ("redis", "postgres")


def record(host: str, **fields: object) -> WorkerRecord:
    """Return the record of this very process, as a worker of the host."""
    now = time.time()
    started = process_start(os.getpid())
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
        assert time.monotonic() - began < patient(4)
    until(lambda: here.read() and here.blind_to == "")


def test_workers_that_were_killed_are_forgotten_by_their_host(new_registry: NewRegistry) -> None:
    """A mate on its host sees that the process is gone; another host need not wait an hour."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there", pid=2**22 + 7))  # no process has such a number
    until(lambda: 2**22 + 7 in {view.record.pid for view in here.read()})
    for _ in range(3):
        there.write(record("there"))
        time.sleep(0.6)
    until(lambda: [view.record.pid for view in here.read()] == [os.getpid()])


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


def delete_all(servers: Servers) -> None:
    """Take every worker's record away, as whoever reaches both servers can."""
    with servers.redis.client() as client:
        client.delete(KEY)
    with servers.sql().transaction() as connection:
        connection.execute(delete(KnownWorker))


@pytest.mark.parametrize("published", [True, False])
def test_a_worker_whose_record_was_deleted_is_unconfirmed_and_not_forgotten(
    servers: Servers, new_registry: NewRegistry, published: bool
) -> None:
    """It was seen, by a worker of this host or by a command, and may be alive."""
    here, there = new_registry("here", started=published), new_registry("there")
    there.write(record("there"))
    if published:
        here.write(record("here"))
        seen = here._files.folder / "seen.json"
        until(lambda: seen.exists() and '"there"' in seen.read_text())
    else:
        until(lambda: states(here) == {"there": WorkerState.LIVE})
    delete_all(servers)
    later = new_registry("here", started=False)
    until(lambda: states(later).get("there") is WorkerState.UNCONFIRMED)
    there.write(record("there"))
    until(lambda: states(later)["there"] is WorkerState.LIVE)


def test_a_worker_that_said_goodbye_is_forgotten_also_by_who_saw_it(
    servers: Servers, new_registry: NewRegistry
) -> None:
    """Its last word is under the signature; the record that it had before brings it not back."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there"))
    until(lambda: states(here) == {"there": WorkerState.LIVE})
    with servers.redis.client() as client:
        before = client.hgetall(KEY)
    there.stop()
    until(lambda: states(here) == {})
    delete_all(servers)
    assert states(here) == {}
    with servers.redis.client() as client:
        client.hset(KEY, mapping=before)
    until(lambda: states(here).get("there") is not WorkerState.LIVE, within=5)


class Table:
    """A table that holds what a test puts into it, with any ages."""

    name = "a table"

    def __init__(self) -> None:
        self.rows: list[Aged] = []

    def put(self, record: WorkerRecord) -> None:
        """Never called here."""
        raise AssertionError

    def read(self) -> tuple[Aged, ...]:
        """Return the rows."""
        return tuple(self.rows)

    remove = put

    def close(self) -> None:
        """Do nothing."""


class Observer:
    """What a host makes of a table over time, by its own clock."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.table, self.folder = 1000.0, Table(), folder

    def state(self, *rows: Aged) -> WorkerState | None:
        """Return what a command that starts now says of the worker of `there`."""
        self.table.rows = list(rows)
        seen = SeenWorkers(
            self.folder / "seen.json",
            boot="one",
            clock=lambda: self.clock,
            now=lambda: 1_000_000.0 + self.clock,
        )
        files = WorkerFiles(self.folder / "run", host="here")
        return states(SharedWorkers(files, [self.table], seen=seen)).get("there")


def test_a_stamp_that_is_forged_makes_nobody_dead(tmp_path: Path) -> None:
    """How old a heartbeat is tells the signed record: another one is news, whatever its stamp."""
    host = Observer(tmp_path)
    for tick in range(10):
        host.clock += 1800.0
        word = record("there", heartbeat=1_000_000.0 + host.clock, started_at=1.0)
        assert host.state((word, 9 * SILENCE_LIMIT_S)) is WorkerState.UNCONFIRMED, tick


def test_a_worker_that_is_gone_without_a_word_is_unconfirmed_for_an_hour(tmp_path: Path) -> None:
    """Then its host is taken for lost; a record that is sent again does not prolong it."""
    host = Observer(tmp_path)
    word = record("there", heartbeat=1_000_000.0 + host.clock, started_at=1.0)
    assert host.state((word, 0.0)) is WorkerState.LIVE
    host.clock += SILENCE_LIMIT_S - 1
    assert host.state() is WorkerState.UNCONFIRMED
    assert host.state((word, 3.0)) is WorkerState.UNCONFIRMED
    host.clock += 2
    assert host.state((word, 3.0)) is WorkerState.DEAD
    assert host.state() is WorkerState.DEAD
    host.clock += SILENCE_LIMIT_S
    assert host.state() is None


def test_a_worker_whose_clock_was_set_back_is_heard_of_as_before(tmp_path: Path) -> None:
    """What it says later is news, though its time is an earlier one: it is not taken for lost."""
    host = Observer(tmp_path)
    for tick in range(10):
        host.clock += 1800.0
        set_back = 1_000_000.0 + host.clock - (0.0 if tick == 0 else 100_000.0)
        word = record("there", heartbeat=set_back, started_at=1.0, beats=tick)
        assert host.state((word, 0.0)) is WorkerState.LIVE
    host.clock += 3
    assert host.state((word, 3.0)) is WorkerState.UNCONFIRMED


def test_a_goodbye_of_an_earlier_process_says_nothing_of_the_present_one(tmp_path: Path) -> None:
    """A container that started anew may have the same name, pid and namespace."""
    host = Observer(tmp_path)
    before = record("there", started_at=1.0, heartbeat=5.0, left=True)
    now = record("there", started_at=9.0, heartbeat=1_000_000.0 + host.clock)
    assert host.state((now, 0.0)) is WorkerState.LIVE
    host.clock += 3
    assert host.state((before, 0.0)) is WorkerState.UNCONFIRMED
    assert host.state((replace(now, left=True), 0.0)) is None


def test_a_row_of_the_database_that_nobody_signed_is_not_believed(
    servers: Servers, new_registry: NewRegistry
) -> None:
    """Whoever may write there cannot make up a worker that has followed: it is said."""
    here, there = new_registry("here", started=False), new_registry("there")
    there.write(record("there", epoch=5))
    until(lambda: states(here) == {"there": WorkerState.LIVE})
    there.stop()
    with servers.redis.client() as client:
        client.hset(KEY, "forged 1", f"{time.time()} ".encode() + b"0" * 64 + b'.{"pid":1}')
    stranger = SqlWorkerTable(servers.sql(), secret=lambda: b"somebody else's")
    stranger.put(record("forged", epoch=9, engaged=True))
    assert "forged" not in states(here)
    assert "another key's" in here.blind_to
