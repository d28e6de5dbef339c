"""One run of the report, or of DuckDB on the same question, in a process of its own.

Run as `python bench/kit/report_runs.py ours|duckdb LOG…`; prints one JSON object: the seconds
from the files to the answer, without what importing took, and the answer.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

COLUMNS = {
    "event": "VARCHAR",
    "at": "TIMESTAMP",
    "host": "VARCHAR",
    "worker": "BIGINT",
    "started": "DOUBLE",
    "calls": "JSON",
    "fingerprint": "VARCHAR",
    "comparison": "VARCHAR",
    "outcome": "VARCHAR",
    "known": "VARCHAR",
    "differences": "STRUCT(path VARCHAR, kind VARCHAR)[]",
}
LINES = "create temp table log as select * from read_json($1, format = 'newline_delimited', \
ignore_errors = true, columns = {columns})"
GROUPS = """
    select fingerprint, comparison, outcome, known, count(*), min("at")::varchar, max("at")::varchar
    from log where event = 'divergence' group by all
"""
CALLERS = """
    select split_part(caller, '.', 1), count(distinct row) from (
        select rowid as row, unnest(from_json(calls, '["STRUCT(caller VARCHAR)"]')).caller as caller
        from log where event = 'divergence'
    ) group by all
"""
KINDS = """
    select kind, count(distinct row) from (
        select rowid as row, unnest(differences).kind as kind from log where event = 'divergence'
    ) group by all
"""
NEWEST = """
    select sum(calls) from (
        select arg_max(calls::bigint, "at") as calls
        from log where event = 'shadow_counts' group by host, worker, started
    )
"""


def ours(paths: list[Path]) -> Callable[[], dict[str, object]]:
    """Return what reads the logs by the report."""
    from shim.report import read_logs

    def run() -> dict[str, object]:
        report = read_logs(paths)
        return {
            "groups": {group.fingerprint: group.count for group in report.groups},
            "callers": report.callers,
            "kinds": report.kinds,
            "calls": report.calls,
        }

    return run


def duckdb(paths: list[Path]) -> Callable[[], dict[str, object]]:
    """Return what asks DuckDB, as it comes, the lines read once."""
    import duckdb as library

    def run() -> dict[str, object]:
        database = library.connect()
        columns = "{" + ", ".join(f'"{name}": {kind!r}' for name, kind in COLUMNS.items()) + "}"
        database.execute(LINES.format(columns=columns), [[str(path) for path in paths]])
        return {
            "groups": {row[0]: row[4] for row in database.execute(GROUPS).fetchall()},
            "callers": dict(database.execute(CALLERS).fetchall()),
            "kinds": dict(database.execute(KINDS).fetchall()),
            "calls": int(database.execute(NEWEST).fetchone()[0]),
        }

    return run


def main() -> None:
    """Run one of the two and print its time and its answer."""
    run = {"ours": ours, "duckdb": duckdb}[sys.argv[1]]([Path(name) for name in sys.argv[2:]])
    begun = time.perf_counter()
    answer = run()
    json.dump({"seconds": time.perf_counter() - begun, "answer": answer}, sys.stdout)


if __name__ == "__main__":
    main()
