"""The benchmark of propagation runs as it stands; what it measures is never tested."""

from pathlib import Path

import pytest

from scripts.servers import postgres_package, redis_program
from scripts.unleash_server import unleash_programs
from tests.bench.runs import IN_TIME, rows_of
from tests.servers import present

pytestmark = IN_TIME


@pytest.mark.processes
@pytest.mark.postgres
@pytest.mark.redis
def test_the_benchmark_runs_and_writes_every_row(tmp_path: Path) -> None:
    """Two hosts, both servers, and nothing lost, doubled or missed even in a short run."""
    present(redis_program)
    present(postgres_package)
    present(unleash_programs)
    rows = rows_of("propagation", tmp_path).values()
    never = [row for row in rows if row["target"] == 0]
    assert len(never) == 12
    assert all(row["value"] == 0 for row in never), never
