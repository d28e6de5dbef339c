"""Whether a process has ended is told of real ones, and never guessed."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from flags.places import has_ended, process_start, this_place


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process that waits to be ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_ends_when_it_does_and_not_when_it_is_reaped(
    child: subprocess.Popen[bytes],
) -> None:
    """A stopped one has not ended, a zombie has."""
    started = process_start(child.pid)
    assert started > 0
    assert not has_ended(child.pid, started)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(child.pid, started)
    child.wait()
    assert has_ended(child.pid, started)


def test_another_process_with_the_same_pid_is_not_the_one_that_ended() -> None:
    """It started at another time; where that is unknown, nothing is certain."""
    started = process_start(os.getpid())
    assert has_ended(os.getpid(), started - 10)
    assert has_ended(os.getpid(), started + 10)
    assert not has_ended(os.getpid(), 0.0)


def test_a_clock_that_is_set_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system derives the start in unix time from a clock that somebody may set."""
    started = process_start(os.getpid())
    boot_time = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot_time + 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time + 3600)
    assert not has_ended(os.getpid(), started)


def test_a_process_that_is_hidden_has_not_certainly_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid /proc shows no process of another user; a signal tells that it is there."""

    def hidden(pid: int) -> psutil.Process:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", hidden)
    assert not has_ended(os.getpid(), 1.0)
    assert has_ended(2**22 + 7, 1.0)  # no process has such a number
    assert has_ended(2**70, 1.0)


@pytest.mark.skipif(sys.platform != "linux", reason="pid namespaces are Linux's")
def test_a_place_has_its_system_and_its_namespace() -> None:
    """Both are of this process, and the host has the name that it was given."""
    place = this_place("here")
    assert (place.host, len(place.boot)) == ("here", 36)
    assert place.namespace.startswith("pid:[")
