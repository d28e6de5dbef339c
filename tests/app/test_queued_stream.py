"""Standard error of a service: whoever logs neither waits nor fails, whatever reads it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from app.adapters.queued_stream import STUCK_S, QueuedStream
from app.logs import configure_logging
from tests.application import until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, int]]:
    """Return what reads the one end of a pipe, and the other end."""
    unread, end = os.pipe()
    with os.fdopen(unread) as reader:
        yield reader, end
    os.close(end)


def read_lines(reader: TextIO, wanted: int) -> list[str]:
    """Return so many lines."""
    return [reader.readline().rstrip("\n") for _ in range(wanted)]


def test_what_nobody_reads_is_dropped_and_counted_and_said_later(pipe: tuple[TextIO, int]) -> None:
    """A terminal that was stopped, or a reader that pauses, costs lines and nobody's time."""
    reader, end = pipe
    stream = QueuedStream(end, name="standard error", limit=100_000)
    written = 5000
    for number in range(written):
        stream.write(f"{number:099}\n")
    lost = stream.dropped
    assert lost > 0
    kept: list[int] = []
    told = 0
    while len(kept) < written - lost or told < lost:
        [line] = read_lines(reader, 1)
        if line.startswith("{"):
            told = json.loads(line)["so_far"]
        else:
            kept.append(int(line))
    assert told == lost
    assert kept == sorted(kept)
    stream.finish()


def test_a_reader_that_reads_no_more_is_a_problem_until_it_goes_on(
    pipe: tuple[TextIO, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said in /readyz, for nobody sees a log that is not written."""
    reader, end = pipe
    now = 1.0
    monkeypatch.setattr("app.adapters.queued_stream.time.monotonic", lambda: now)
    stream = QueuedStream(end, name="standard error")
    stream.write("x" * 200_000 + "\n")
    until(lambda: stream._writing_since)
    assert stream.problem is None
    now = 2.0 + STUCK_S
    assert stream.problem is not None
    assert "reads standard error reads no more" in stream.problem
    read_lines(reader, 1)
    until(lambda: stream.problem is None)
    stream.finish()


@pytest.mark.parametrize("kind", ["closed pipe", "full disk", "closed descriptor"])
def test_a_broken_stream_raises_at_nobody_and_says_what_is_lost(
    pipe: tuple[TextIO, int], kind: str
) -> None:
    """The next line is tried all the same."""
    reader, end = pipe
    if kind == "closed pipe":
        reader.close()
    elif kind == "full disk":
        end = os.open("/dev/full", os.O_WRONLY)
    else:
        end = os.dup(end)
        os.close(end)  # a number that is nobody's by now
    stream = QueuedStream(end, name="standard error")
    stream.write("one\n")
    until(lambda: stream.dropped == 1)
    stream.write("two\n")
    until(lambda: stream.dropped >= 2)
    assert stream.problem is not None
    assert stream.problem.startswith("standard error cannot be written (")
    stream.finish()


def test_no_control_character_reaches_the_terminal_of_a_service(pipe: tuple[TextIO, int]) -> None:
    """A path that a stranger asked for is in some lines."""
    reader, end = pipe
    stream = QueuedStream(end, name="standard error")
    stream.write("Exception on /\x1b]0;owned\x07 [GET] \x9b2J \u202e\n\tat")
    stream.write("\n")
    assert read_lines(reader, 2) == [
        "Exception on /\\u001b]0;owned\\u0007 [GET] \\u009b2J \\u202e",
        "\tat",
    ]
    stream.finish()


@pytest.mark.usefixtures("log_configuration")
def test_what_cannot_be_logged_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a value whose text raises, nor a stream that is gone."""

    class Unspeakable:
        def __repr__(self) -> str:
            raise ValueError

    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    configure_logging()
    log = structlog.get_logger()
    log.error("it", value=Unspeakable())
    log.error("it", exc_info=True)
    log.bind(a=1).warning("it")


SCRIPT = """
import os, sys, threading
from app.adapters.queued_stream import queue_standard_streams
queue_standard_streams(); queue_standard_streams()
for number in range(100): sys.stderr.write(f"parent {number}\\n")
if os.fork() == 0:
    sys.stderr.write("child\\n"); print("said by the child"); sys.exit(0)
os.wait(); print("parent again", file=sys.stderr); sys.exit("its last words")
"""


def test_a_process_and_its_children_write_each_line_once_and_their_last_words() -> None:
    """The master writes before it forks its workers; what it queued is its own."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    assert sorted(lines) == sorted(
        [*(f"parent {number}" for number in range(100)), "child", "parent again", "its last words"]
    )
    assert (done.stdout, done.returncode) == ("said by the child\n", 1)


def test_writing_takes_no_time_while_nobody_reads(pipe: tuple[TextIO, int]) -> None:
    """Threads that log at once end at once."""
    _, end = pipe
    stream = QueuedStream(end, name="standard error", limit=1000)

    def log() -> None:
        for _ in range(100):
            stream.write("x" * 999 + "\n")

    threads = [threading.Thread(target=log, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
