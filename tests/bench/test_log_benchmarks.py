"""The benchmarks of log and report run as they stand; what they measure is never tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("bench", "wanted"),
    [
        ("logs.py", ("publisher, records: caller", "in all", "structlog over stdlib logging")),
        ("report.py", ("the report: time", "the report: memory", "DuckDB: time")),
    ],
)
def test_the_benchmark_runs_from_nothing_and_writes_every_row(bench, wanted, tmp_path):
    """From the repository's root, with no instance folder, it writes rows of one shape."""
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, f"bench/{bench}", "--quick", "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert all(set(row) == {"name", "unit", "value", "target", "met"} for row in rows)
    assert all((row["met"] is None) == (row["target"] is None) for row in rows)
    assert len({row["name"] for row in rows}) == len(rows)
    names = " ".join(row["name"] for row in rows)
    assert all(each in names for each in wanted)
