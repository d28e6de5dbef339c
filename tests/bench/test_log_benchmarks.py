"""The benchmarks of log and report run as they stand; what they measure is never tested."""

import pytest

from tests.bench.runs import IN_TIME, rows_of

pytestmark = IN_TIME


@pytest.mark.parametrize(
    ("bench", "wanted"),
    [
        ("logs", ("publisher, records: caller", "in all", "structlog over stdlib logging")),
        ("report", ("the report: time", "the report: memory", "DuckDB: time")),
    ],
)
def test_the_benchmark_runs_from_nothing_and_writes_every_row(bench, wanted, tmp_path):
    """From the repository's root, with no instance folder, it writes rows of one shape."""
    names = " ".join(rows_of(bench, tmp_path))
    assert all(each in names for each in wanted)
