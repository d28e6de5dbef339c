"""The benchmark of the guard runs as it stands; what it measures is never tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.servers import postgres_package, redis_program
from tests.servers import present

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.processes
@pytest.mark.postgres
@pytest.mark.redis
def test_the_benchmark_runs_and_writes_every_row(tmp_path: Path) -> None:
    """Simulations, real workers on both kinds of stores, and the cost on either database."""
    present(redis_program)
    present(postgres_package)
    figures = tmp_path / "guard.json"
    done = subprocess.run(
        [sys.executable, "bench/guard.py", "--quick", "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert len({row["name"] for row in rows}) == len(rows)
    named = {row["name"]: row["value"] for row in rows}
    for stores in ("PostgreSQL and Redis", "SQLite alone"):
        section = f"four workers on {stores}, a canonical that turns bad"
        assert named[f"{section}: rounds: measured"] == 1
        assert named[f"{section}: to the last worker on legacy: median"] > 0
        assert named[f"{section}: calls: made"] > 0
    for database in ("PostgreSQL", "SQLite"):
        section = f"the guard's threads at 10,000 calls a second, on {database}"
        assert named[f"{section}: both, in the worker that leads: of a core"] > 0
    assert sum("against Wald's bound" in name for name in named) >= 3
