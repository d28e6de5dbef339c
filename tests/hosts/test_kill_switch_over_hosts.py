"""A rollback on one host reaches the others by whatever is left, and nothing slows the file."""

import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flags.kill_switch import KillSwitch
from flags.latch import NEVER_ENGAGED
from flags.latch_file import FileLatchStore
from flags.latch_watch import PutOutcome
from tests.hosts.conftest import NewSwitch, Servers, until
from tests.patience import patient

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ALL = ("redis", "postgres")


def on_file(folder: Path, host: str) -> KillSwitch:
    """Return what a process of the host knows by its file alone."""
    switch = KillSwitch([FileLatchStore(folder / host / "latch.json")])
    switch.poll()
    return switch


def follows(switch: KillSwitch, other: KillSwitch) -> bool:
    """Tell whether a switch has what another one has, after one more look."""
    switch.poll()
    return switch.latch == other.latch


def test_a_rollback_and_a_resume_reach_the_other_host(new_switch: NewSwitch) -> None:
    """With all servers there, well within the second that the database alone would need."""
    here, there = new_switch("here"), new_switch("there")
    here.engage(who="ann", why="drill")
    assert until(lambda: follows(there, here)) < patient(0.5)
    assert [each.outcome for each in here.placements] == [PutOutcome.WRITTEN] * 3
    there.release(who="bob", why="over")
    assert until(lambda: follows(here, there)) < patient(0.5)
    assert not here.latch.engaged


@pytest.mark.parametrize("how", ["frozen", "killed"])
@pytest.mark.parametrize("lost", [("redis",), ("postgres",)])
def test_with_one_server_lost_the_other_carries_it(
    servers: Servers, new_switch: NewSwitch, tmp_path: Path, lost: tuple[str, ...], how: str
) -> None:
    """The database within a second, Redis at once; the lost one is brought up to date after."""
    here, there = new_switch("here"), new_switch("there")
    with servers.away(*lost, how=how):
        here.engage(who="ann", why="drill")
        assert until(lambda: follows(there, here)) < patient(2)
        there.poll()
        assert on_file(tmp_path, "there").latch == here.latch
    fresh = new_switch("fresh")
    until(lambda: here.poll() or not here.problems)
    for _ in range(2):
        here.poll()
    stores = servers.latch_stores()
    until(lambda: here.poll() or all(store.read() == here.latch for store in stores))
    assert until(lambda: follows(fresh, here)) < patient(2)
    for store in stores:
        store.close()


def test_with_both_servers_frozen_the_file_is_written_at_once(
    servers: Servers, new_switch: NewSwitch, tmp_path: Path
) -> None:
    """Another process of the host sees it while the command still waits; all merges afterwards."""
    here, there = new_switch("here"), new_switch("there")
    mate = on_file(tmp_path, "here")
    with servers.away(*ALL):
        began = time.time()
        here.engage(who="ann", why="drill")
        took = time.time() - began
        file = here.placements[0]
        assert (file.outcome, file.milliseconds < 500) == (PutOutcome.WRITTEN, True)
        assert here.placed_at - began < patient(0.5)
        assert {each.outcome for each in here.placements[1:]} <= {
            PutOutcome.TIMED_OUT,
            PutOutcome.UNREACHABLE,
        }
        assert took < patient(3)
        assert mate.poll()
        assert mate.latch == here.latch
        there.poll()
        assert not there.latch.engaged
    until(lambda: here.poll() or follows(there, here))
    assert on_file(tmp_path, "there").latch == here.latch


def test_a_poll_never_waits_for_a_server(servers: Servers, new_switch: NewSwitch) -> None:
    """With both servers frozen a look costs what the file costs, and the problem is logged once."""
    switch = new_switch("here")
    with servers.away(*ALL), capture_logs() as logs:
        until(lambda: switch.poll() or len(switch.problems) == 2)
        slowest = 0.0
        for _ in range(200):
            began = time.monotonic()
            switch.poll()
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < patient(0.15)
    assert {entry["event"] for entry in logs} == {"latch_store_failed"}
    until(lambda: switch.poll() or switch.problems == ())


def test_two_halves_that_did_not_know_of_each_other_agree_on_the_later_one(
    servers: Servers, new_switch: NewSwitch
) -> None:
    """Cut off, one host rolls back after the other has let go under many epochs: that holds."""
    here, there = new_switch("here"), new_switch("there")
    here.engage(who="ann", why="drill")
    until(lambda: follows(there, here))
    cut_off = KillSwitch(there._stores)
    cut_off.poll()
    for _ in range(3):
        here.release(who="ann", why="over")
        here.engage(who="ann", why="again")
    here.release(who="ann", why="over")
    there.stop()
    until(lambda: int(time.time()) > here.latch.epoch)
    with servers.away(*ALL, how="killed"):
        alone = new_switch("there")
        engaged = alone.engage(who="bob", why="a fault")
    until(lambda: alone.poll() or follows(here, alone))
    assert here.latch == engaged


def test_a_host_that_starts_finds_what_the_others_decided(
    servers: Servers, new_switch: NewSwitch
) -> None:
    """With an empty folder, from whichever server is there; before that it holds on legacy."""
    here = new_switch("here")
    here.engage(who="ann", why="drill")
    with servers.away("redis"):
        assert new_switch("second").latch == here.latch
    with servers.away("postgres"):
        assert new_switch("third").latch == here.latch
    with servers.away(*ALL):
        held = new_switch("fourth")
        assert held.latch.engaged
        assert held.latch.epoch == 0
    until(lambda: follows(held, here))


@pytest.mark.parametrize("lost", ALL)
def test_a_host_that_was_never_rolled_back_starts_without_one_of_its_servers(
    servers: Servers, new_switch: NewSwitch, lost: str
) -> None:
    """That nobody ever rolled back is written down as well, so no restart takes it back."""
    first = new_switch("here")
    assert first.latch == NEVER_ENGAGED
    until(lambda: first.poll() or all(s.read() == NEVER_ENGAGED for s in servers.latch_stores()))
    with servers.away(lost):
        assert new_switch("here").latch == NEVER_ENGAGED


def test_a_host_that_starts_without_both_servers_does_not_trust_its_file_to_let_go(
    servers: Servers, new_switch: NewSwitch
) -> None:
    """It was away while the others rolled back: it holds on legacy until it has seen a server."""
    back = new_switch("back")
    back.engage(who="ann", why="drill")
    back.release(who="ann", why="over")
    back.stop()
    new_switch("there").engage(who="bob", why="a fault")
    with servers.away(*ALL):
        started = new_switch("back")
        assert started.latch.engaged
        assert started.latch.why.startswith("held on legacy")
    until(lambda: started.poll() or started.latch.who == "bob")


def test_a_resume_looks_at_every_store_first(new_switch: NewSwitch) -> None:
    """A rollback that is only in a store beats a release that does not know of it."""
    here, there = new_switch("here"), new_switch("there")
    there.engage(who="bob", why="a fault")
    released = here.release(who="ann", why="over")
    assert (released.engaged, released.who) in {(True, "bob"), (False, "ann")}
    assert released.engaged or released.epoch > there.latch.epoch
