"""One worker of a host runs the schedulers, and another one as soon as it has ended."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from app.adapters.lease import FileLease
from app.leadership import Leadership
from tests.bus.conftest import until

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from app.adapters.lease import FileLease
print(FileLease(Path(sys.argv[1])).acquire(), flush=True)
lease = FileLease(Path(sys.argv[1])); lease.acquire()
time.sleep(600)
"""


class Led:
    """Notes what became of it."""

    def __init__(self):
        self.events = []
        self.failing = False

    def start(self):
        """Start, or fail."""
        if self.failing:
            raise RuntimeError("not today")
        self.events.append("start")

    def stop(self):
        """Stop."""
        self.events.append("stop")


@pytest.fixture
def lead(tmp_path):
    """Return what makes a worker that would lead."""
    made = []

    def make(led=None):
        one = Leadership(
            FileLease(tmp_path / "run" / "lock"), led or Led(), name="schedulers", look_s=0.005
        )
        one.start()
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


def test_of_several_workers_one_leads(lead):
    """The first one; the others wait."""
    workers = [lead() for _ in range(4)]
    assert [worker.leads for worker in workers] == [True, False, False, False]


def test_another_worker_takes_over_when_the_leader_ends(lead):
    """And only after what was led has stopped."""
    led = Led()
    first, second = lead(led), lead(led)
    first.stop()
    until(lambda: second.leads)
    assert led.events == ["start", "stop", "start"]
    assert not first.leads


def test_a_worker_that_never_led_stops_quietly(lead):
    """What was not started is not stopped."""
    led = Led()
    lead()
    lead(led).stop()
    assert led.events == []


def test_a_leader_that_is_killed_is_followed(lead, tmp_path):
    """The kernel lets go of the lease, however the process ends."""
    lock = tmp_path / "run" / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        assert holder.stdout.readline() == b"True\n"
        follower = lead()
        assert not follower.leads
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(60)
        holder.stdout.close()
    until(lambda: follower.leads)


def test_what_cannot_be_started_lets_go_of_the_lease(lead):
    """Another worker may be able to."""
    broken = Led()
    broken.failing = True
    with pytest.raises(RuntimeError, match="not today"):
        lead(broken)
    assert lead().leads


def test_a_lock_that_cannot_be_made_is_logged_once_and_tried_again(tmp_path):
    """Without the lease nothing runs twice, and nothing is forgotten."""
    (tmp_path / "file").touch()
    with structlog.testing.capture_logs() as log:
        worker = Leadership(
            FileLease(tmp_path / "file" / "lock"), Led(), name="schedulers", look_s=0.002
        )
        worker.start()
        until(lambda: log)
        (tmp_path / "file").unlink()
        until(lambda: worker.leads)
        worker.stop()
    assert [line["event"] for line in log] == ["lease_unusable", "leads"]
