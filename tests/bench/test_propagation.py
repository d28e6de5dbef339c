"""The benchmark of propagation runs as it stands; what it measures is never tested."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.servers import postgres_package, redis_program
from scripts.unleash_server import unleash_programs
from tests.servers import present

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.processes
@pytest.mark.postgres
@pytest.mark.redis
def test_the_benchmark_runs_and_writes_every_row(tmp_path: Path) -> None:
    """Two hosts, both servers, and nothing lost, doubled or missed even in a short run."""
    present(redis_program)
    present(postgres_package)
    present(unleash_programs)
    figures = tmp_path / "propagation.json"
    done = subprocess.run(
        [sys.executable, "bench/propagation.py", "--quick", "--json", str(figures)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["rows"]
    assert len({row["name"] for row in rows}) == len(rows)
    never = [row for row in rows if row["target"] == 0]
    assert len(never) == 12
    assert all(row["value"] == 0 for row in never), never
