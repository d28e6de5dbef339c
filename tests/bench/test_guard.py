"""The benchmark of the guard runs as it stands; what it measures is never tested."""

from pathlib import Path

import pytest

from scripts.servers import postgres_package, redis_program
from tests.bench.runs import IN_TIME, rows_of
from tests.servers import present

pytestmark = IN_TIME


@pytest.mark.processes
@pytest.mark.postgres
@pytest.mark.redis
def test_the_benchmark_runs_and_writes_every_row(tmp_path: Path) -> None:
    """Simulations, real workers on both kinds of stores, and the cost on either database."""
    present(redis_program)
    present(postgres_package)
    rows = rows_of("guard", tmp_path)
    for stores in ("PostgreSQL and Redis", "SQLite alone"):
        section = f"four workers on {stores}, a canonical that turns bad"
        assert rows[f"{section}: rounds: measured"]["value"] == 1
        for figure in ("to the last worker on legacy: median", "calls: made"):
            assert rows[f"{section}: {figure}"]["value"] > 0
    for database in ("PostgreSQL", "SQLite"):
        section = f"the guard's threads at 10,000 calls a second, on {database}"
        assert rows[f"{section}: both, in the worker that leads: of a core"]["value"] > 0
    assert sum("against Wald's bound" in name for name in rows) >= 3
