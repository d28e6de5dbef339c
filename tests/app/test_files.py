"""The log's file and the names of users in it."""

import os
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.adapters.append_file import AppendFile
from app.adapters.pseudonyms import Pseudonyms


def test_lines_of_several_writers_do_not_mix(tmp_path: Path) -> None:
    """Processes that write at the same time leave whole lines, each once."""
    path = tmp_path / "log" / "shadow.jsonl"
    children = []
    for letter in (b"a", b"b", b"c"):
        child = os.fork()
        if child == 0:
            append = AppendFile(path)
            for _ in range(200):
                append(letter * 300 + b"\n")
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 3
    lines = path.read_bytes().splitlines()
    assert sorted(lines) == [letter * 300 for letter in (b"a", b"b", b"c") for _ in range(200)]


def test_a_log_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """Whoever rotates the log, or deletes it, need not restart the worker."""
    path = tmp_path / "log" / "shadow.jsonl"
    append = AppendFile(path)
    append(b"one\n")
    path.rename(tmp_path / "old")
    append(b"two\n")
    path.unlink()
    path.parent.rmdir()
    append(b"three\n")
    assert (tmp_path / "old").read_bytes() == b"one\n"
    assert path.read_bytes() == b"three\n"


def test_a_line_that_was_cut_by_a_full_disk_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cut is an error that says so, and the next line begins on a line of its own."""
    path = tmp_path / "shadow.jsonl"
    append = AppendFile(path)
    append(b"one\n")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        with pytest.raises(OSError, match=r"shadow\.jsonl took 3 of 10 bytes: is the disk full\?"):
            append(b"the second")
    append(b"three\n")
    append(b"four\n")
    assert path.read_bytes() == b"one\nthe\nthree\nfour\n"


def test_a_user_has_one_name_over_restarts(tmp_path: Path) -> None:
    """The key is kept: whoever starts later names as before; another installation does not."""
    before = Pseudonyms(tmp_path / "log.key", plain=False)
    after = Pseudonyms(tmp_path / "log.key", plain=False)
    other = Pseudonyms(tmp_path / "other.key", plain=False)
    assert before(7) == after(7)
    assert before(7) != before(8)
    assert before(7) != other(7)
    assert re.fullmatch("[0-9a-f]{16}", str(before(7)))


def test_processes_that_start_at_the_same_time_share_one_key(tmp_path: Path) -> None:
    """Whoever comes first makes the key; nobody is left with one of their own."""
    waiting, go = os.pipe()
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(waiting, 1)  # until the parent closes its end
            (tmp_path / f"{number}").write_text(str(Pseudonyms(tmp_path / "key", plain=False)(7)))
            os._exit(0)
        children.append(child)
    os.close(waiting)
    os.close(go)
    assert {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children} == {0}
    assert len({(tmp_path / f"{number}").read_text() for number in range(8)}) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"key", *map(str, range(8))}


def test_nobody_else_may_read_the_key(tmp_path: Path) -> None:
    """With the key anybody could find out whose name is whose."""
    Pseudonyms(tmp_path / "log.key", plain=False)(7)
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600


def test_plain_names_are_the_ids_and_need_no_key(tmp_path: Path) -> None:
    """An operator may ask for ids as they are; then no key is made."""
    assert Pseudonyms(tmp_path / "log.key", plain=True)(7) == 7
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_key_is_not_hashed_with(content: bytes, tmp_path: Path) -> None:
    """An empty key would hide nobody: it is reported once, and a key of the process is used."""
    (tmp_path / "log.key").write_bytes(content)
    name = Pseudonyms(tmp_path / "log.key", plain=False)
    with capture_logs() as lines:
        assert name(7) == name(7)
    (line,) = lines
    assert line["event"] == "log_key_unusable"
    assert f"holds {len(content)} bytes instead of 32: put the key back" in line["problem"]
    assert name(7) != Pseudonyms(tmp_path / "log.key", plain=False)(7)


def test_a_key_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    """Without a place for the key users are named all the same, and not by their ids."""
    (tmp_path / "file").touch()
    name = Pseudonyms(tmp_path / "file" / "log.key", plain=False)
    with capture_logs() as lines:
        assert name(7) == name(7) != name(8)
    assert [line["event"] for line in lines] == ["log_key_unusable"]
