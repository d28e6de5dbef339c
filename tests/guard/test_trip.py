"""The kill switch as the guard pulls it: out of the open latch of one epoch, and once."""

import threading

import pytest

from app.adapters.latch_redis import RedisLatchStore
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.latch_watch import WatchedStore
from tests.application import until


def switch_on(path):
    """Return a kill switch as one more process has it."""
    switch = KillSwitch([FileLatchStore(path)])
    switch.poll()
    return switch


def test_of_many_processes_one_trips(tmp_path):
    """All see the same breach at once; one is told that it was it, all follow."""
    switches = [switch_on(tmp_path / "latch.json") for _ in range(8)]
    ready, won = threading.Barrier(8), []

    def trip(number):
        ready.wait()
        latch = switches[number].trip(at=0, who="guard", why=f"seen by {number}")
        if latch is not None:
            won.append(latch)

    threads = [threading.Thread(target=trip, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [latch.epoch for latch in won] == [1]
    assert switch_on(tmp_path / "latch.json").latch == won[0]


def test_a_trip_of_an_epoch_that_is_over_does_nothing(tmp_path):
    """A person resumed meanwhile: what was found before is not held against the canonical."""
    switch = switch_on(tmp_path / "latch.json")
    switch.engage(who="ann", why="a look")
    switch.release(who="ann", why="all is well")
    assert switch.trip(at=0, who="guard", why="late") is None
    assert not switch.latch.engaged
    assert switch.trip(at=2, who="guard", why="in time") is not None
    assert switch.trip(at=3, who="guard", why="again") is None
    assert switch.latch.why == "in time"


@pytest.mark.redis
def test_a_trip_reaches_other_hosts_over_redis(tmp_path, redis_server):
    """Each host has a file of its own, and no database is needed."""
    hosts = []
    for name in ("one", "two"):
        far = WatchedStore(RedisLatchStore(redis_server.url, secret=lambda: b"a key of this test"))
        hosts.append(KillSwitch([FileLatchStore(tmp_path / f"{name}.json")], far=[far]))
    try:
        for host in hosts:
            host.poll()
        latch = hosts[0].trip(at=hosts[0].latch.epoch, who="guard", why="a breach")
        assert latch is not None
        until(lambda: hosts[1].poll() or hosts[1].latch.engaged, within=5)
        assert hosts[1].latch.why == "a breach"
    finally:
        for host in hosts:
            host.stop()
