"""Commands that see less than there is: from another pid namespace, or with others' pids hidden."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flags.places import process_start
from tests.cli.conftest import CommandLine, StartWorker

ROOT = Path(__file__).parents[2]
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--")
HIDDEN = (
    *("unshare", "--mount", "--", "sh", "-c"),
    'mount -t proc -o hidepid=2 proc /proc && exec "$@"',
    *("-", "setpriv", "--bounding-set=-sys_ptrace", "--regid", "65534", "--clear-groups", "--"),
)


def within(*wrapper: str) -> tuple[str, ...]:
    """Return a command that runs another one elsewhere; skip where that is not allowed."""
    problem = f"{wrapper[0]} is missing: install util-linux"
    if shutil.which(wrapper[0]) is not None:
        tried = subprocess.run([*wrapper, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return wrapper
        problem = f"this takes root, on Linux: {tried.stderr.strip()}"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


def run(wrapper: tuple[str, ...], instance: Path, *arguments: str) -> tuple[int, str]:
    """Run `flask rollout` elsewhere; return its exit code and all that it prints."""
    done = subprocess.run(
        [*wrapper, sys.executable, "-m", "flask", "rollout", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "FLASK_APP": "wsgi:app", "SHIM_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_rollback_from_another_pid_namespace_is_confirmed_and_deletes_nothing(
    flask_rollout: CommandLine, start_worker: StartWorker, stop_worker: Callable[[int], None]
) -> None:
    """Live workers confirm; a stopped one is unconfirmed from there, and from here afterwards."""
    elsewhere = within(*NAMESPACE)
    pids = sorted(start_worker() for _ in range(2))
    code, told = run(elsewhere, flask_rollout.instance, "rollback")
    assert code == 0, told
    assert all(f"worker {pid} in another pid namespace confirmed" in told for pid in pids)
    flask_rollout("resume", "--reason", "repaired")
    stop_worker(pids[0])
    for expected in (
        lambda: run(elsewhere, flask_rollout.instance, "rollback"),
        lambda: (
            (result := flask_rollout("rollback")).exit_code,
            result.output,
        ),
    ):
        code, told = expected()
        assert code == 1, told
        assert f"worker {pids[0]}" in told
        assert "has not confirmed" in told
    os.kill(pids[0], signal.SIGCONT)


def test_a_process_that_proc_hides_has_not_ended() -> None:
    """As another user with hidepid=2; one that is not there has, for whoever sees nobody's."""
    elsewhere = within(*HIDDEN)
    other = subprocess.Popen(["setpriv", "--reuid", "65534", "--clear-groups", "sleep", "60"])
    program = (
        "import sys, psutil; from flags.places import has_ended\n"
        "pid, started = int(sys.argv[1]), float(sys.argv[2])\n"
        "print(pid in psutil.pids(), has_ended(pid, started), has_ended(2**22 + 7, started))"
    )
    try:
        done = subprocess.run(
            [
                *elsewhere,
                sys.executable,
                "-c",
                program,
                str(other.pid),
                str(process_start(other.pid)),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        other.kill()
        other.wait()
    assert done.stdout.split() == ["False", "False", "True"], done.stderr
