"""The files of the shadow log, and a reader of standard output that stops reading."""

import contextlib
import json
import os
import threading
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.adapters.detached import Detached
from app.adapters.worker_log import DAY, Retention, WorkerLog, file_name, log_files
from shim.report import read_logs
from shim.shadow.publisher import Publisher
from tests.application import until


def names(folder: Path) -> list[str]:
    """Return the names of a folder's log files, without what they all begin with."""
    own = file_name(os.uname().nodename, os.getpid()).removesuffix(".jsonl")
    return sorted(path.name.removeprefix(own) for path, *_ in log_files(folder))


def test_a_file_that_is_full_is_closed_under_the_next_number(tmp_path: Path) -> None:
    """No line is split or lost, and a restart goes on counting."""
    for _ in range(2):
        log = WorkerLog(tmp_path, Retention(file_bytes=10))
        log(b"first 1\n")
        log(b"second\n")
        log(b"third\n")
    assert names(tmp_path) == [".000001.jsonl", ".000002.jsonl", ".000003.jsonl"]
    whole = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert sorted(whole.splitlines()) == sorted([b"first 1", b"second", b"third"] * 2)


@pytest.mark.parametrize("end", [".gz", ".bz2", ".xz", ".zst", ".1", ".1.gz", "-20260101.gz"])
def test_rotated_and_packed_files_are_within_retention(end: str, tmp_path: Path) -> None:
    """They count towards the sum, are removed in time, and take no number of another file."""
    old = tmp_path / f"shadow-host-9.jsonl{end}"
    old.write_bytes(b"x" * 1000)
    log = WorkerLog(tmp_path, Retention(days=14), now=lambda: old.stat().st_mtime + 13 * DAY)
    log(b"a line\n")
    assert old.exists()
    WorkerLog(tmp_path, Retention(days=14), now=lambda: old.stat().st_mtime + 15 * DAY)(b"b\n")
    assert not old.exists()
    old.write_bytes(b"x" * 1000)
    WorkerLog(tmp_path, Retention(total_bytes=500))(b"a line\n")
    assert not old.exists()


def test_a_number_that_a_packed_file_has_is_not_given_again(tmp_path: Path) -> None:
    """Otherwise packing the new file would overwrite the old one."""
    log = WorkerLog(tmp_path, Retention(file_bytes=5))
    log(b"first\n")
    [(path, *_)] = log_files(tmp_path)
    path.rename(f"{path}.gz")
    log(b"second\n")
    assert names(tmp_path) == [".000001.jsonl.gz", ".000002.jsonl"]


def test_a_file_that_is_being_packed_is_read_once(tmp_path: Path) -> None:
    """It lies beside what it is packed into until that is whole."""
    for name in ("shadow-a-1.000001.jsonl", "shadow-a-1.000001.jsonl.gz", "shadow-a-1.jsonl.tmp"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path, *_ in log_files(tmp_path)] == ["shadow-a-1.000001.jsonl"]


def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    """The name is found when the first line is written, so after a fork."""
    log = WorkerLog(tmp_path, Retention())
    child = os.fork()
    if child == 0:
        log(b"child\n")
        os._exit(0)
    os.waitpid(child, 0)
    log(b"parent\n")
    assert sorted(path.read_bytes() for path, *_ in log_files(tmp_path)) == [
        b"child\n",
        b"parent\n",
    ]
    assert {path.name for path, *_ in log_files(tmp_path)} == {
        file_name(os.uname().nodename, pid) for pid in (child, os.getpid())
    }


def test_a_host_cannot_lead_out_of_the_folder() -> None:
    """Whatever a host is called, the name is one of a file."""
    assert file_name("../a b.c", 7) == "shadow-___a_b_c-7.jsonl"


def test_files_that_are_too_old_are_removed_whoever_wrote_them(tmp_path: Path) -> None:
    """By the time of their last line; other files of the folder are left alone."""
    for name, age in (("shadow-h-1.jsonl", 15), ("shadow-h-2.jsonl", 13), ("notes", 99)):
        (tmp_path / name).write_bytes(b"x\n")
        os.utime(tmp_path / name, times=(1e9 - age * DAY, 1e9 - age * DAY))
    WorkerLog(tmp_path, Retention(days=14), now=lambda: 1e9)(b"own\n")
    kept = {path.name for path in tmp_path.iterdir()}
    assert {"shadow-h-2.jsonl", "notes"} < kept
    assert "shadow-h-1.jsonl" not in kept


def test_all_files_together_stay_within_their_sum(tmp_path: Path) -> None:
    """The oldest go first, and what was written last stays."""
    log = WorkerLog(tmp_path, Retention(file_bytes=10, total_bytes=35))
    for number in range(9):
        log(f"line {number:04}\n".encode())
        for age, path in enumerate(sorted(tmp_path.iterdir(), reverse=True)):
            os.utime(path, times=(1e9 - age, 1e9 - age))
    assert sum(size for _, size, _ in log_files(tmp_path)) <= 35
    assert b"line 0008\n" in [path.read_bytes() for path, *_ in log_files(tmp_path)]


def test_a_reader_that_stops_reading_holds_up_nobody() -> None:
    """What is handed over meanwhile waits, and beyond the limit is dropped and counted."""
    reads, got = threading.Event(), []

    def sink(data: bytes) -> None:
        reads.wait(60)
        got.append(data)

    detached = Detached(sink, limit=10)
    detached(b"taken\n")
    until(lambda: not detached._waiting)
    detached(b"waits\n")
    detached(b"too\nmany\n")
    assert detached.dropped == 2
    reads.set()
    detached.close()
    assert got == [b"taken\n", b"waits\n"]


def test_a_sink_that_fails_behind_its_thread_is_told_until_it_works_again() -> None:
    """Whoever hands data over learns of it at the next attempt."""
    tried: list[bytes] = []

    def sink(data: bytes) -> None:
        tried.append(data)
        if len(tried) <= 2:
            raise OSError(32, "Broken pipe")

    detached = Detached(sink)
    with contextlib.suppress(OSError):  # the thread may be as fast as that
        detached(b"1\n")
    until(lambda: detached._error is not None)
    with pytest.raises(OSError, match="Broken pipe"):
        detached(b"2\n")
    with contextlib.suppress(OSError):
        detached(b"3\n")
    until(lambda: len(tried) == 3 and detached._error is None)
    detached(b"4\n")
    detached.close()
    assert tried == [b"1\n", b"2\n", b"3\n", b"4\n"]


def test_a_blocked_standard_output_keeps_no_line_from_the_file(tmp_path: Path) -> None:
    """A pipe that nobody reads is soon full; the file has every line, and stopping ends."""
    unread, pipe = os.pipe()
    printed = Detached(lambda data: os.write(pipe, data), limit=100_000)
    publisher = Publisher([WorkerLog(tmp_path, Retention()), printed], utc_now=datetime.now)
    publisher.start()
    for number in range(5000):
        publisher.publish("shadow_stuck", number=number, padding="x" * 100)
    publisher.stop()
    printed.close(timeout=0.01)
    [(log, *_)] = log_files(tmp_path)
    lines = log.read_bytes().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(5000))
    assert printed.dropped > 0
    os.close(unread)  # the thread that was held up ends with a broken pipe


def test_a_full_disk_costs_its_own_lines_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes once there is room again stands on lines of its own."""
    publisher = Publisher([WorkerLog(tmp_path, Retention())], utc_now=datetime.now)
    publisher.publish("first")
    publisher.flush()
    write = os.write
    with monkeypatch.context() as patch, capture_logs() as said:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:5]))
        for _ in range(3):
            publisher.publish("lost")
            publisher.flush()
    publisher.publish("last")
    publisher.flush()
    assert [line["event"] for line in said] == ["shadow_log_unwritable"]
    [(log, *_)] = log_files(tmp_path)
    report = read_logs([log])
    whole = [line for line in log.read_bytes().splitlines() if line.endswith(b"}")]
    assert [json.loads(line)["event"] for line in whole] == ["first", "last"]
    assert (report.lines - report.damaged, len(whole)) == (2, 2)
