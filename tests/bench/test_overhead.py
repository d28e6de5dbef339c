"""The benchmark of the facade's cost runs as it stands; what it measures is never tested."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_benchmark_runs_from_nothing_and_writes_every_row(tmp_path):
    """From the repository's root, with no instance folder, it writes rows of one shape."""
    figures = tmp_path / "overhead.json"
    done = subprocess.run(
        [sys.executable, "bench/overhead.py", "--quick", "--json", str(figures)],
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
    for wanted in (
        "direct call",
        "facade off",
        "facade shadow",
        "facade complete",
        "facade shadow, income",
        "snapshot",
        "UnleashClient.is_enabled",
        "laboratory conduct",
        "LaunchDarkly migrator",
        "candidate sleeps 200 ms",
        "candidate burns 1 ms of CPU: shadows: calls taken up",
        "shadow at 100 %: p99 of that off",
        "shadow at 100 %: share compared",
    ):
        assert wanted in names
