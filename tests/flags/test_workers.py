"""Workers' files: what is told of a live, a silent and a dead worker."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flags.confirmation import (
    Confirmation,
    Confirmed,
    latch_applied,
    revision_applied,
    wait_until_applied,
)
from flags.latch import Latch
from flags.workers import (
    WorkerFiles,
    WorkerId,
    WorkerRecord,
    WorkerState,
    WorkerView,
    process_start,
)

NOW = 1_000_000.0


def record(pid: int = 1, **fields: object) -> WorkerRecord:
    """Return the record of a worker that is well, at epoch 1 and revision 1."""
    well = WorkerRecord(
        pid=pid,
        process_started=500.0,
        host="here",
        epoch=1,
        epoch_applied_at=NOW,
        revision=1,
        revision_applied_at=NOW,
        heartbeat=NOW,
        started_at=501.0,
    )
    return replace(well, **fields)  # type: ignore[arg-type]


def files(folder: Path, *, started: float | None = 500.0) -> WorkerFiles:
    """Return worker files seen at NOW, on a host whose processes all started at `started`."""
    return WorkerFiles(folder, now=lambda: NOW, started=lambda _: started, host="here")


def states(workers: WorkerFiles) -> dict[int, WorkerState]:
    """Return the state of each worker by pid."""
    return {view.record.pid: view.state for view in workers.read()}


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """All fields survive, and the newest record replaces the one before."""
    workers = files(tmp_path / "run")
    workers.write(record(epoch=1))
    workers.write(record(epoch=2))
    assert workers.read() == (WorkerView(record(epoch=2), WorkerState.LIVE),)


def test_without_a_folder_there_are_no_workers(tmp_path: Path) -> None:
    """Before the first start nobody is there, which is no error."""
    assert files(tmp_path / "run").read() == ()


def test_a_heartbeat_older_than_two_seconds_is_unconfirmed(tmp_path: Path) -> None:
    """Up to two seconds a worker is live, above that nothing is known of it."""
    workers = files(tmp_path)
    workers.write(record(1, heartbeat=NOW - 2.0))
    workers.write(record(2, heartbeat=NOW - 2.01))
    assert states(workers) == {1: WorkerState.LIVE, 2: WorkerState.UNCONFIRMED}


@pytest.mark.parametrize("started", [None, 490.0, 510.0])
def test_a_worker_whose_process_is_gone_is_dead_and_forgotten(
    tmp_path: Path, started: float | None
) -> None:
    """No such pid, or the pid of another process by now: told once, and the file goes."""
    workers = files(tmp_path, started=started)
    workers.write(record())
    assert states(workers) == {1: WorkerState.DEAD}
    assert workers.read() == ()


def test_a_worker_that_ends_in_good_order_leaves_nothing(tmp_path: Path) -> None:
    """Removing is final, and may be done twice."""
    workers = files(tmp_path)
    workers.write(record())
    workers.remove(1)
    workers.remove(1)
    assert workers.read() == ()


def test_a_worker_of_another_host_is_judged_by_its_heartbeat(tmp_path: Path) -> None:
    """Its pid means nothing here; after a minute of silence it is taken for dead."""
    workers = files(tmp_path, started=None)
    for pid, age in ((1, 0.0), (2, 30.0), (3, 61.0)):
        workers.write(record(pid, host="elsewhere", heartbeat=NOW - age))
    assert states(workers) == {
        1: WorkerState.LIVE,
        2: WorkerState.UNCONFIRMED,
        3: WorkerState.DEAD,
    }


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "one"}', "{}"])
def test_a_file_that_is_not_whole_is_passed_over(tmp_path: Path, content: str) -> None:
    """The other workers are still told."""
    workers = files(tmp_path)
    workers.write(record(1))
    (tmp_path / "worker-2.json").write_text(content)
    assert states(workers) == {1: WorkerState.LIVE}


def test_real_processes_are_told_from_gone_ones() -> None:
    """A running process has a start, one that ended has none, not even before it is reaped."""
    assert process_start(os.getpid()) == process_start(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(child.pid) is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) is None
    child.communicate()
    assert process_start(child.pid) is None


class Script:
    """Workers as they are at each look in turn; the last look stays."""

    def __init__(self, *looks: list[WorkerView]) -> None:
        self._looks = list(looks)
        self.now = 0.0

    host = "here"
    blind_to = ""

    def read(self) -> tuple[WorkerView, ...]:
        """Return the next look."""
        return tuple(self._looks.pop(0) if len(self._looks) > 1 else self._looks[0])

    def write(self, record: WorkerRecord) -> None:
        """Never called here."""
        raise AssertionError

    def remove(self, pid: int) -> None:
        """Never called here."""
        raise AssertionError

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def live(pid: int, **fields: object) -> WorkerView:
    """Return a live worker."""
    return WorkerView(record(pid, **fields), WorkerState.LIVE)


def waited(script: Script) -> Confirmation:
    """Wait for epoch 2, written at NOW."""
    return wait_until_applied(
        script,
        latch_applied(Latch(2, True, "ann", datetime(2000, 1, 1, tzinfo=UTC), "a test")),
        since=NOW,
        timeout=3.0,
        monotonic=lambda: script.now,
        sleep=script.sleep,
        now=lambda: NOW + script.now,
    )


def test_waiting_ends_when_all_have_confirmed() -> None:
    """Each worker is named with the milliseconds that it took."""
    script = Script(
        [live(1), live(2)],
        [live(1, epoch=2, engaged=True, epoch_applied_at=NOW + 0.015), live(2)],
        [
            live(1, epoch=2, engaged=True, epoch_applied_at=NOW + 0.015),
            live(2, epoch=3, epoch_applied_at=NOW + 0.25),
        ],
    )
    confirmation = waited(script)
    assert [each.worker.pid for each in confirmation.confirmed] == [1, 2]
    milliseconds = [each.milliseconds for each in confirmation.confirmed]
    assert milliseconds == pytest.approx([15.0, 250.0], abs=0.01)
    assert confirmation.unconfirmed == ()
    assert script.now < 0.1


def test_the_same_epoch_let_go_confirms_no_rollback() -> None:
    """Somebody released under the number that a rollback then took: that is not the rollback."""
    before = live(1, epoch=2, engaged=False)
    assert waited(Script([before])).unconfirmed == (WorkerId("here", 1),)
    script = Script([before], [live(1, epoch=2, engaged=True)])
    assert [each.worker.pid for each in waited(script).confirmed] == [1]


def test_a_worker_of_another_host_is_timed_by_when_its_word_arrived() -> None:
    """Its clock is an hour behind, which makes it neither unconfirmed nor faster than it was."""
    script = Script(
        [live(1, host="there")],
        [live(1, host="there", epoch=2, engaged=True, epoch_applied_at=NOW - 3600)],
    )
    [confirmed] = waited(script).confirmed
    assert confirmed.worker == WorkerId("there", 1)
    assert confirmed.milliseconds == pytest.approx(10.0, abs=0.01)


def test_workers_that_cannot_be_seen_leave_nothing_complete() -> None:
    """Whoever reads without the tables of the other hosts cannot say that all have confirmed."""
    script = Script([live(1, epoch=2, engaged=True)])
    script.blind_to = "Redis does not answer"
    confirmation = waited(script)
    assert [each.worker.pid for each in confirmation.confirmed] == [1]
    assert (confirmation.complete, confirmation.blind_to) == (False, "Redis does not answer")


def test_a_silent_worker_is_named_and_not_waited_for() -> None:
    """With all others confirmed, a worker without a heartbeat ends the wait at once."""
    silent = WorkerView(record(2), WorkerState.UNCONFIRMED)
    confirmation = waited(Script([live(1, epoch=2, engaged=True), silent]))
    assert confirmation == Confirmation(
        (Confirmed(WorkerId("here", 1), 0.0),), (WorkerId("here", 2),)
    )


def test_a_live_worker_that_does_not_apply_is_named_after_the_timeout() -> None:
    """Alive and not following is unconfirmed, after the whole patience."""
    script = Script([live(1)])
    assert waited(script).unconfirmed == (WorkerId("here", 1),)
    assert 3.0 <= script.now < 3.1


def test_a_worker_that_dies_meanwhile_is_not_counted() -> None:
    """Whoever is dead serves nobody, so nothing is left to confirm."""
    script = Script([live(1)], [WorkerView(record(1), WorkerState.DEAD)])
    assert waited(script).nobody_there


def test_a_low_revision_applied_before_the_change_is_no_confirmation() -> None:
    """The number of a file made anew may be one that a worker had applied long ago."""
    applied = revision_applied(2, written_at=NOW, host="here", flags="as wanted")
    assert applied(record(revision=9, revision_applied_at=NOW - 1)) is None
    assert applied(record(revision=1, revision_applied_at=NOW + 1)) is None
    assert applied(record(revision=2, revision_applied_at=NOW + 1)) == NOW + 1


def test_another_hosts_flags_are_compared_by_what_they_say() -> None:
    """Its file has numbers of its own, and its clock is its own."""
    applied = revision_applied(2, written_at=NOW, host="here", flags="as wanted")
    assert applied(record(host="there", revision=9, flags="others")) is None
    same = record(host="there", revision=1, revision_applied_at=NOW - 9, flags="as wanted")
    assert applied(same) == NOW - 9
