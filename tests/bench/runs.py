"""Runs a benchmark as it stands, in its short form."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240.0
"""Seconds for a short form, on a machine that has much else to do."""
ENDS_IN_S = 30.0
IN_TIME = pytest.mark.timeout(PATIENCE_S + 2 * ENDS_IN_S)


FIELDS = {"name", "unit", "value", "target", "met"}


def rows_of(
    bench: str, folder: Path, *options: str, more: Collection[str] = (), **environ: str
) -> dict[str, Any]:
    """Run it from the repository's root, with no instance folder; return its rows by name.

    They are of one shape, with the fields `more` besides, and a figure without a target neither
    meets nor misses one.
    """
    figures = folder / "figures.json"
    code, said = _ended(
        [sys.executable, f"bench/{bench}.py", "--quick", "--json", str(figures), *options],
        environ={**os.environ, **environ},
    )
    assert code == 0, said
    rows = json.loads(figures.read_text())["rows"]
    assert all(set(row) == FIELDS.union(more) for row in rows)
    assert all((row["met"] is None) == (row["target"] is None) for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name


def _ended(command: Sequence[str], *, environ: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code and what was said as an error.

    One that takes too long is interrupted, not killed: it ends the servers that it started.
    """
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=ENDS_IN_S)
        finally:
            process.kill()
    return process.returncode, said
