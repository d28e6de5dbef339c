"""Whose the files of an instance are, and who may write them, whoever made them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flags.embedded import ensure_flag_file
from flags.files import Readers, locked, make_folder, open_written, replace_file

ROOT = Path(__file__).parents[2]
SERVICE = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def mode(path: Path) -> int:
    """Return who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> int:
    """Return a umask, which holds in this test."""
    before = os.umask(request.param)
    request.addfinalizer(lambda: os.umask(before))
    return int(request.param)


@pytest.mark.parametrize(
    ("folder", "file", "log", "secret"),
    [
        (0o700, 0o600, 0o600, 0o600),
        (0o755, 0o644, 0o640, 0o600),
        (0o775, 0o664, 0o660, 0o660),
        (0o777, 0o664, 0o660, 0o660),
        (0o1777, 0o664, 0o660, 0o660),
    ],
)
def test_a_new_file_has_the_mode_of_its_folder_whatever_the_umask(
    tmp_path: Path, umask: int, folder: int, file: int, log: int, secret: int
) -> None:
    """Others never may write it; who may read a secret is trusted with the folder as well."""
    tmp_path.chmod(folder)
    replace_file(tmp_path / "latch.json", "x")
    with locked(tmp_path / "latch.json"):
        pass
    for readers in (Readers.GROUP, Readers.WRITERS):
        os.close(open_written(tmp_path / readers.name, os.O_WRONLY, readers=readers))
    names = ("latch.json", "latch.json.lock", "GROUP", "WRITERS")
    assert [mode(tmp_path / name) for name in names] == [file, file, log, secret]


def test_a_new_folder_is_as_the_one_above_it_and_closed_to_others(
    tmp_path: Path, umask: int
) -> None:
    """A folder in which everybody may write, such as /tmp, is no example."""
    tmp_path.chmod(0o775)
    make_folder(tmp_path / "a" / "run")
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "run")] == [0o775, 0o775]
    tmp_path.chmod(0o1777)
    make_folder(tmp_path / "b" / "run")
    assert [mode(tmp_path / "b"), mode(tmp_path / "b" / "run")] == [0o755, 0o755]


@as_root
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path, umask: int) -> None:
    """An order with sudo leaves the service its kill switch, its locks and its folders."""
    os.chown(tmp_path, SERVICE, SERVICE)
    make_folder(tmp_path / "run")
    ensure_flag_file(tmp_path / "flags.json")
    os.close(open_written(tmp_path / "history.jsonl", os.O_WRONLY))
    for path in (tmp_path, *tmp_path.iterdir()):
        assert (path.stat().st_uid, path.stat().st_gid) == (SERVICE, SERVICE), path


@as_root
def test_root_gives_back_what_was_left_behind_as_its_own(tmp_path: Path) -> None:
    """A lock file of an older version, or one that somebody made by hand, is mended by use."""
    lock = tmp_path / "latch.json.lock"
    lock.touch(0o600)
    os.chown(tmp_path, SERVICE, SERVICE)
    with locked(tmp_path / "latch.json"):
        pass
    assert (lock.stat().st_uid, mode(lock)) == (SERVICE, 0o600)


@as_root
def test_a_lock_that_cannot_be_written_locks_all_the_same(open_folder: Path) -> None:
    """A worker is not kept from its kill switch by whoever made the lock first."""
    os.chown(open_folder, SERVICE, SERVICE)
    (open_folder / "latch.json.lock").touch()
    (open_folder / "latch.json.lock").chmod(0o444)
    script = (
        "import os, sys; from pathlib import Path; from flags.files import locked, replace_file\n"
        f"os.setgid({SERVICE}); os.setuid({SERVICE}); path = Path(sys.argv[1])\n"
        "with locked(path): replace_file(path, 'x')"
    )
    command = [sys.executable, "-c", script, str(open_folder / "latch.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_regular_file_is_not_written_and_nobody_waits(tmp_path: Path, kind: str) -> None:
    """Neither a pipe nobody reads holds a worker up, nor is a file written through a link."""
    path = tmp_path / "history.jsonl"
    target = tmp_path / "target"
    target.touch()
    {
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(target),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(OSError, match=r"history\.jsonl"):
        os.close(open_written(path, os.O_RDWR | os.O_APPEND))
    assert target.read_text() == ""
