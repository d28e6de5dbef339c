"""What a worker cannot write is found before it is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.demo import prepare
from app.factory import create_app
from app.settings import Settings
from app.writable import MARK

ROOT = Path(__file__).parents[2]
SERVICE = 12345
LOOK = """
import json, os, sys; from pathlib import Path
from app.instance_paths import InstancePaths; from app.writable import InstanceCheck
if sys.argv[2] != "0": os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2]))
check = InstanceCheck(InstancePaths(Path(sys.argv[1]))); check.poll()
print(json.dumps(check.problems))
"""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of others")


@pytest.fixture
def instance(open_folder: Path) -> Path:
    """Return the folder of an instance that belongs to the service."""
    folder = open_folder / "instance"
    for name in ("run", "log"):
        (folder / name).mkdir(parents=True)
    for name in ("latch.json", "latch.json.lock", "history.jsonl", "secret.key"):
        (folder / name).touch(0o644)
    for path in (folder, *folder.iterdir()):
        os.chown(path, SERVICE, SERVICE)
    return folder


def look(folder: Path, *, uid: int = SERVICE, before: Sequence[str] = ()) -> list[str]:
    """Return what a process of a user finds."""
    command = [*before, sys.executable, "-c", LOOK, str(folder), str(uid)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_a_folder_of_the_service_s_own_has_no_problem(instance: Path) -> None:
    """Nothing is said of files that are not there yet."""
    assert look(instance) == []
    assert look(instance.with_name("none")) == []


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        ("history.jsonl", 0o644, "history.jsonl cannot be written by this worker: what is done is"),
        ("latch.json", 0o600, "latch.json cannot be read by this worker"),
        ("latch.json.lock", 0o600, "latch.json.lock cannot be read by this worker"),
        ("secret.key", 0o600, "secret.key cannot be read by this worker"),
        ("run", 0o755, "run/ cannot be written by this worker: no order sees that this worker"),
        ("log", 0o755, "log/ cannot be written by this worker: what is found is not logged"),
    ],
)
def test_what_belongs_to_root_is_named_with_what_is_lost(
    instance: Path, name: str, mode: int, said: str
) -> None:
    """A file that somebody left behind is found by the worker, not by the next trip."""
    os.chown(instance / name, 0, 0)
    (instance / name).chmod(mode)
    [problem] = look(instance)
    assert problem.startswith(MARK + said)
    assert "chown" in problem
    assert str(instance) not in problem, "strangers may read it"


def test_a_folder_of_somebody_else_is_said_once(instance: Path) -> None:
    """So is one in which only owners may replace their files."""
    os.chown(instance, 0, 0)
    [problem] = look(instance)
    assert "a rollback that this worker makes itself is lost when it ends" in problem
    instance.chmod(0o1777)
    os.chown(instance / "latch.json", 0, 0)
    [problem] = look(instance)
    assert "latch.json cannot be replaced: the folder is sticky" in problem


def on_read_only(folder: Path) -> tuple[str, ...]:
    """Return what begins a command for which the folder is on a read-only disk."""
    mount = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}"
    within = ("unshare", "--mount", "sh", "-c", f'{mount} || exit 77; exec "$0" "$@"')
    if subprocess.run([*within, "true"], capture_output=True, check=False).returncode == 77:
        pytest.skip("nothing may be mounted here")
    return within


def test_a_read_only_disk_is_called_one(instance: Path) -> None:
    """Root may write everything but that."""
    found = look(instance, uid=0, before=on_read_only(instance))
    assert len(found) == 4
    assert all("is on a read-only disk" in each and "Mount it so that" in each for each in found)


SERVE = """
import json, sys; from pathlib import Path
from app.adapters.key_file import why_no_key; from app.factory import create_app
from app.settings import Settings; from tests.application import until
folder = Path(sys.argv[1])
print(why_no_key(folder / "secret.key"), file=sys.stderr)
app = create_app(Settings(
    instance_path=folder, database_url="sqlite:///app.db", demo=True, secret_key="k" * 32
))
parts, client = app.extensions["parts"], app.test_client()
parts.runtime.start()
until(lambda: parts.instance_check.problems)
answers = [client.get("/readyz"), client.get("/u/74")]
parts.kill_switch.poll()
try:
    parts.kill_switch.engage(who="ann", why="a test")
except Exception as error:
    print(json.dumps([*((each.status_code, each.text) for each in answers), [str(error)]]))
parts.runtime.stop()
"""


def test_a_service_starts_on_what_a_read_only_folder_holds(tmp_path: Path) -> None:
    """Degraded, with its pages; a rollback says at once that it cannot be kept, and what to do."""
    settings = Settings(instance_path=tmp_path, database_url="sqlite:///app.db", demo=True)
    app = create_app(settings)
    prepare(settings, app.extensions["parts"].database)
    app.extensions["parts"].database.dispose()
    command = [*on_read_only(tmp_path), sys.executable, "-c", SERVE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("[[200"))
    (code, body), (page, _), [error] = json.loads(told)
    assert (code, json.loads(body)["status"], page) == (200, "degraded", 200)
    assert any(
        each.startswith(f"{MARK}it is on a read-only disk") for each in json.loads(body)["problems"]
    )
    assert "Read-only file system" in error
    assert "until then nothing is kept there, and only ending the service is sure" in error
    assert "secret.key cannot be made (Read-only file system)" in done.stderr
