"""`flask rollout` beside real processes: each worker is named with what it confirmed."""

import os
import re
import signal
import time
from collections.abc import Callable

import pytest

from tests.cli.conftest import CommandLine, StartWorker

pytestmark = pytest.mark.processes


def confirmed(output: str) -> dict[int, int]:
    """Return the milliseconds of each worker that the output names as confirmed."""
    found = re.findall(r"worker (\d+) confirmed after (\d+) ms", output)
    return {int(pid): int(milliseconds) for pid, milliseconds in found}


def wait_until_live(flask_rollout: CommandLine, pid: int) -> None:
    """Return when the worker shows signs of life; fail after half a minute."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        workers = {each["pid"]: each["state"] for each in flask_rollout.json("status")["workers"]}
        if workers.get(pid) == "live":
            return
    pytest.fail(f"worker {pid} showed no sign of life within 30 s")


def test_a_rollback_returns_when_every_worker_has_confirmed(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """Three workers, three names with their times, exit 0."""
    pids = {start_worker() for _ in range(3)}
    result = flask_rollout("rollback", "--by", "ann")
    assert result.exit_code == 0, result.output
    assert set(confirmed(result.stdout)) == pids
    assert "rolled back: legacy serves everybody (epoch 1)" in result.stdout
    workers = flask_rollout.json("status")["workers"]
    assert {worker["pid"] for worker in workers} == pids
    assert all(worker["follows"] for worker in workers)


def test_a_change_of_the_flags_is_confirmed_too(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """Percentage, shadow, cohort and off wait for each worker, in JSON as well."""
    pid = start_worker()
    for arguments in (
        ("shadow", "100"),
        ("set", "50", "--force", "--reason", "a leap"),
        ("cohort", "add", "7"),
        ("off",),
    ):
        workers = flask_rollout.json(*arguments)["workers"]
        assert [each["pid"] for each in workers["confirmed"]] == [pid]
        assert workers["unconfirmed"] == []


def test_a_stopped_worker_is_named_and_the_exit_code_is_1(
    flask_rollout: CommandLine, start_worker: StartWorker, stop_worker: Callable[[int], None]
) -> None:
    """The others confirm; the one that cannot is named, with what to do about it."""
    running, stopped = start_worker(), start_worker()
    stop_worker(stopped)
    result = flask_rollout("rollback")
    assert result.exit_code == 1
    assert set(confirmed(result.stdout)) == {running}
    assert f"worker {stopped} has not confirmed" in result.stderr
    assert f"kill -CONT {stopped}" in result.stderr
    states = {each["pid"]: each["state"] for each in flask_rollout.json("status")["workers"]}
    assert states == {running: "live", stopped: "unconfirmed"}
    os.kill(stopped, signal.SIGCONT)
    wait_until_live(flask_rollout, stopped)
    again = flask_rollout("rollback")
    assert set(confirmed(again.stdout)) == {running, stopped}
    assert again.exit_code == 0


def test_a_resume_waits_with_the_latch_for_the_percentage(
    flask_rollout: CommandLine,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that is alive and still at 80 % keeps the latch engaged, and is named."""
    monkeypatch.setattr("app.rollout_waiting.PATIENCE_S", 1.0)
    flask_rollout("set", "80", "--force", "--reason", "a leap")
    following, frozen = start_worker(), start_worker("--frozen")
    assert flask_rollout("rollback").exit_code == 1
    result = flask_rollout("resume", "--reason", "repaired")
    assert result.exit_code == 1
    assert f"not resumed, the latch is still engaged: worker {frozen} has not" in result.stderr
    assert str(following) not in result.stderr
    assert flask_rollout.latch.engaged


def test_a_resume_reaches_every_worker(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """With all workers at 1 % the latch is let go, and each confirms that as well."""
    pids = {start_worker() for _ in range(2)}
    flask_rollout("rollback")
    result = flask_rollout("resume", "--reason", "repaired")
    assert result.exit_code == 0, result.output
    assert set(confirmed(result.stdout)) == pids
    assert not flask_rollout.latch.engaged


def test_a_worker_that_was_killed_is_not_waited_for(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """Its file is all that is left; it is taken away, and nobody is there."""
    pid = start_worker()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    result = flask_rollout("rollback")
    assert result.exit_code == 3
    assert not (flask_rollout.instance / "run" / f"worker-{pid}.json").exists()


def test_why_is_answered_by_each_worker(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """Every live worker tells what it has in memory; nothing is left in the folder."""
    pids = {start_worker(), start_worker()}
    told = flask_rollout.json("why", "7")
    assert {answer["pid"] for answer in told["workers"].values()} == pids
    assert all(answer["user_id"] == 7 for answer in told["workers"].values())
    assert told["from_files"] is None
    text = flask_rollout("why", "7").stdout
    assert all(f"worker {pid}\n  side: canonical\n" in text for pid in pids)
    left = [path.name for path in (flask_rollout.instance / "run").iterdir()]
    assert not [name for name in left if "question" in name or "answer" in name]


def test_a_worker_that_fails_to_explain_is_shown_and_the_exit_code_is_1(
    flask_rollout: CommandLine, start_worker: StartWorker
) -> None:
    """An answer that is an error is no answer."""
    start_worker()
    result = flask_rollout("why", "9")
    assert result.exit_code == 1
    assert "LookupError: user 9 is not to be explained" in result.stdout


def test_a_worker_that_does_not_answer_why_is_named(
    flask_rollout: CommandLine, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files answer in its place, and the exit code says that something is amiss."""
    monkeypatch.setattr("app.cli_rollout.ANSWER_S", 0.05)
    frozen = start_worker("--frozen")
    result = flask_rollout("why", "7")
    assert result.exit_code == 1
    assert f"worker {frozen} did not answer within 0.05 s" in result.stderr
    assert "by the flag file and the latch alone" in result.stdout
