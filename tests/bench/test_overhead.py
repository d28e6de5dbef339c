"""The benchmark of the facade's cost runs as it stands; what it measures is never tested."""

from tests.bench.runs import IN_TIME, rows_of

pytestmark = IN_TIME


def test_the_benchmark_runs_from_nothing_and_writes_every_row(tmp_path):
    """From the repository's root, with no instance folder, it writes rows of one shape."""
    names = " ".join(rows_of("overhead", tmp_path))
    for wanted in (
        "direct call",
        "facade off",
        "facade shadow",
        "facade complete",
        "facade shadow, income",
        "UnleashClient.is_enabled",
        "laboratory conduct",
        "LaunchDarkly migrator",
        "candidate sleeps 200 ms",
        "candidate burns 1 ms of CPU: shadows: calls taken up",
        "shadow at 100 %: p99 of that off",
        "shadow at 100 %: share compared",
    ):
        assert wanted in names
