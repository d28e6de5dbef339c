"""`flask shadow report` as a command of its own: what it loads, and what a terminal sees of it."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.reader import reads_only
from shim.report_files import PART
from tests.app.test_report import counts, divergence

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    """Return the command line of `flask shadow report` in a process of its own."""
    return [sys.executable, *arguments[:-1], "-m", "flask", "shadow", "report", arguments[-1]]


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Return an environment with an instance of its own."""
    return {"PATH": os.environ["PATH"], "SHIM_INSTANCE": str(folder), **changes}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of this instance."""
    path = tmp_path / "log" / "shadow-host-1.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in (counts(), divergence())))
    return path


def test_reading_a_log_loads_neither_database_nor_service(log: Path, tmp_path: Path) -> None:
    """They take more memory than reading a million lines does."""
    done = subprocess.run(
        command("-X", "importtime", "--json"),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["lines"] == 2
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "shim.report" in loaded
    assert not loaded & {"sqlalchemy", "alembic", "apscheduler", "gunicorn", "redis", "app.factory"}


def test_settings_that_cannot_be_used_are_said_here_as_well(log: Path, tmp_path: Path) -> None:
    """The command reads the same settings as the service."""
    done = subprocess.run(
        command("--json"),
        cwd=ROOT,
        env=environment(tmp_path, SHIM_NONSENSE="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "SHIM_NONSENSE" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_sees_how_far_a_long_log_was_read(log: Path, tmp_path: Path) -> None:
    """A bar that moves, with its percentages, beside the report and never in it."""
    line = json.dumps(divergence()).encode() + b"\n"
    with log.open("ab") as file:
        for _ in range(5):
            file.write(line * (PART // 2 // len(line)))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command("--json"),
        cwd=ROOT,
        env=environment(tmp_path, TERM="xterm"),
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = _read_to_end(ours)
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
    assert told["damaged"] == 0
    assert told["lines"] > 50_000
    percentages = [int(found) for found in re.findall(r"(\d+)%", shown)]
    assert "reading" in shown
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100
    assert any(0 < each < 100 for each in percentages)


def _read_to_end(terminal: int) -> str:
    """Return what was written to a terminal until its other end was closed."""
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # Linux says so when nobody holds the other end any more
    finally:
        os.close(terminal)
    return shown.decode()


@pytest.mark.parametrize(
    ("line", "only"),
    [
        (".venv/bin/flask shadow report", True),
        ("/lib/flask/__main__.py shadow report --json x.jsonl", True),
        (".venv/bin/flask shadow tail", False),
        (".venv/bin/flask shadow", False),
        (".venv/bin/flask --debug shadow report", False),
        (".venv/bin/gunicorn shadow report", False),
        ("", False),
    ],
)
def test_only_the_report_s_own_command_line_is_one_that_reads(line: str, only: bool) -> None:
    """A server, and any other command, gets the whole application."""
    assert reads_only(line.split()) is only
