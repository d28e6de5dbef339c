"""Workers' files: what is told of a live, a silent and a dead worker."""

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
from flags.places import Place
from flags.workers import (
    FORGET_S,
    SILENCE_LIMIT_S,
    WorkerFiles,
    WorkerId,
    WorkerRecord,
    WorkerState,
    WorkerView,
)

NOW = 1_000_000.0
HERE = Place("here", "this boot", "pid:[1]")


def record(pid: int = 1, **fields: object) -> WorkerRecord:
    """Return the record of a worker that is well, at epoch 1 and revision 1."""
    well = WorkerRecord(
        pid=pid,
        process_started=500.0,
        host=HERE.host,
        boot=HERE.boot,
        namespace=HERE.namespace,
        epoch=1,
        epoch_applied_at=NOW,
        revision=1,
        revision_applied_at=NOW,
        heartbeat=NOW,
        started_at=501.0,
    )
    return replace(well, **fields)  # type: ignore[arg-type]


def files(
    folder: Path, *, ended: bool = False, place: Place = HERE, booted_at: float = 0.0
) -> WorkerFiles:
    """Return worker files seen at NOW, from a place whose processes have ended or not."""
    return WorkerFiles(
        folder,
        now=lambda: NOW,
        ended=lambda *_: ended,
        place=place,
        booted_at=lambda: booted_at,
    )


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


def test_a_silent_worker_whose_process_is_gone_is_dead_and_forgotten(tmp_path: Path) -> None:
    """Told once, and the file goes."""
    workers = files(tmp_path, ended=True)
    workers.write(record(heartbeat=NOW - 2.01))
    assert states(workers) == {1: WorkerState.DEAD}
    assert workers.read() == ()


@pytest.mark.parametrize("age", [-3600.0, 0.0, 2.0])
def test_a_fresh_heartbeat_is_never_dead(tmp_path: Path, age: float) -> None:
    """Whoever looks may see no process of another user, or none at all."""
    workers = files(tmp_path, ended=True)
    workers.write(record(heartbeat=NOW - age))
    assert states(workers) == states(workers) == {1: WorkerState.LIVE}


@pytest.mark.parametrize(
    "other",
    [
        replace(HERE, namespace="pid:[2]"),
        replace(HERE, boot="another boot"),
        replace(HERE, host="there"),
        Place("here"),
    ],
)
def test_who_looks_from_elsewhere_calls_nobody_dead_and_deletes_nothing(
    tmp_path: Path, other: Place
) -> None:
    """Another namespace, another system, or one that does not know where it is."""
    files(tmp_path).write(record(heartbeat=NOW - 1800))
    elsewhere = files(tmp_path, ended=True, place=other)
    assert states(elsewhere) == {1: WorkerState.UNCONFIRMED}
    elsewhere.remove(1)
    assert states(files(tmp_path)) == {1: WorkerState.UNCONFIRMED}


def test_no_worker_outlives_a_restart_of_its_host(tmp_path: Path) -> None:
    """After a loss of power nobody waits an hour for those who were there before."""
    files(tmp_path).write(record(1, heartbeat=NOW - 100))
    again = replace(HERE, boot="the next boot")
    assert states(files(tmp_path, place=replace(again, host="there"), booted_at=NOW - 60)) == {
        1: WorkerState.UNCONFIRMED
    }
    assert states(files(tmp_path, place=again, booted_at=NOW - 60)) == {1: WorkerState.DEAD}
    assert files(tmp_path).read() == ()


def test_a_worker_that_nobody_can_look_at_is_taken_for_dead_after_an_hour(tmp_path: Path) -> None:
    """Its container is gone, say: it keeps no rollback unconfirmed for ever; its file stays."""
    silence = {1: SILENCE_LIMIT_S, 2: SILENCE_LIMIT_S + 1, 3: FORGET_S + 1}
    for pid, seconds in silence.items():
        files(tmp_path).write(record(pid, heartbeat=NOW - seconds))
    elsewhere = files(tmp_path, ended=True, place=Place("there"))
    assert states(elsewhere) == {1: WorkerState.UNCONFIRMED, 2: WorkerState.DEAD}
    assert len(list(tmp_path.glob("worker-*.json"))) == 3


def test_two_namespaces_that_share_a_folder_may_have_the_same_pid(tmp_path: Path) -> None:
    """Neither hides the other, whoever writes first, and each leaves by itself."""
    other = replace(HERE, namespace="pid:[2]")
    here, there = files(tmp_path), files(tmp_path, place=other)
    for _ in range(2):
        here.write(record(7, epoch=1))
        there.write(record(7, epoch=2))
    assert {(v.record.namespace, v.record.epoch) for v in here.read()} == {
        ("pid:[1]", 1),
        ("pid:[2]", 2),
    }
    assert {"".join(filter(str.isdigit, path.name)) for path in tmp_path.iterdir()} == {"7"}
    here.remove(7)
    assert [view.record.namespace for view in here.read()] == ["pid:[2]"]


def test_a_record_is_stamped_with_where_its_worker_runs(tmp_path: Path) -> None:
    """Whoever reads it can tell whether its pid means something there."""
    workers = WorkerFiles(tmp_path, now=lambda: NOW, host="here")
    workers.write(record(boot="", namespace=""))
    [view] = workers.read()
    assert view.record.place == workers.place
    assert workers.place.namespace


def test_a_worker_that_ends_in_good_order_leaves_nothing(tmp_path: Path) -> None:
    """Removing is final, and may be done twice."""
    workers = files(tmp_path)
    workers.write(record())
    workers.remove(1)
    workers.remove(1)
    assert workers.read() == ()


def test_a_worker_of_another_host_is_judged_by_its_heartbeat(tmp_path: Path) -> None:
    """Its pid means nothing here; after an hour of silence it is taken for dead."""
    workers = files(tmp_path, ended=True)
    for pid, age in ((1, 0.0), (2, 30.0), (3, SILENCE_LIMIT_S + 1)):
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


def worker(pid: int) -> WorkerId:
    """Return which worker of this place is meant."""
    return record(pid).id


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
            live(2, epoch=3, engaged=True, epoch_applied_at=NOW + 0.25),
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
    assert waited(Script([before])).unconfirmed == (worker(1),)
    script = Script([before], [live(1, epoch=2, engaged=True)])
    assert [each.worker.pid for each in waited(script).confirmed] == [1]


def test_a_later_resume_confirms_no_rollback() -> None:
    """Somebody let go under a higher epoch: legacy does not serve there, whatever was before."""
    assert waited(Script([live(1, epoch=9, engaged=False)])).unconfirmed == (worker(1),)


def test_only_a_fresh_heartbeat_confirms() -> None:
    """What a silent worker wrote before it fell silent says nothing of it now."""
    silent = WorkerView(record(1, epoch=2, engaged=True), WorkerState.UNCONFIRMED)
    assert waited(Script([silent])).unconfirmed == (worker(1),)


def test_a_worker_of_another_host_is_timed_by_when_its_word_arrived() -> None:
    """Its clock is an hour behind, which makes it neither unconfirmed nor faster than it was."""
    script = Script(
        [live(1, host="there")],
        [live(1, host="there", epoch=2, engaged=True, epoch_applied_at=NOW - 3600)],
    )
    [confirmed] = waited(script).confirmed
    assert confirmed.worker == record(host="there").id
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
    assert confirmation == Confirmation((Confirmed(worker(1), 0.0),), (worker(2),))


def test_a_live_worker_that_does_not_apply_is_named_after_the_timeout() -> None:
    """Alive and not following is unconfirmed, after the whole patience."""
    script = Script([live(1)])
    assert waited(script).unconfirmed == (worker(1),)
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
