"""Runs a benchmark as it stands, in its short form."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def rows_of(bench: str, folder: Path, *, timeout: float = 110, **environ: str) -> dict[str, Any]:
    """Run it from the repository's root, with no instance folder; return its rows by name.

    They are of one shape, and a figure without a target neither meets nor misses one.
    """
    figures = folder / "figures.json"
    done = subprocess.run(
        [sys.executable, f"bench/{bench}.py", "--quick", "--json", str(figures)],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert all(set(row) == {"name", "unit", "value", "target", "met"} for row in rows)
    assert all((row["met"] is None) == (row["target"] is None) for row in rows)
    by_name = {row["name"]: row for row in rows}
    assert len(by_name) == len(rows)
    return by_name
