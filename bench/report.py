"""What reading shadow logs takes, beside DuckDB on the same question, in turns.

Run it as `python bench/report.py [--quick | --full] [--json FILE]`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
import psutil

from bench.kit import budget
from bench.kit.log_records import HEAD, divergences
from bench.kit.table import Form, Report, Row, arguments

ROOT = Path(__file__).resolve().parents[1]
MEMORY_MB = 64
WITHIN_S = 150.0
"""Seconds of all rounds, but in the full form."""
COUNTS_EVERY = 1000
"""Lines between two lines of counts."""
OURS, DUCKDB, COMMAND = "the report", "DuckDB", "flask shadow report, the whole command"


@dataclass(slots=True)
class Runs:
    """The runs of one reader, each in a process of its own."""

    command: Sequence[str]
    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    answer: object = None


def main() -> None:
    """Measure, print, and write the JSON if it is wanted."""
    options = arguments("What reading shadow logs takes.")
    most, lines = (1, 3_000) if options.form is Form.QUICK else (7, 1_000_000)
    within = None if options.form is Form.FULL else WITHIN_S
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        logs = _write(Path(name), lines)
        size = sum(log.stat().st_size for log in logs)
        readers = _readers([str(log) for log in logs])
        number = 0
        for number in budget.rounds(most, within=within):
            for reader in list(readers.values())[:: -1 if number % 2 else 1]:
                _run(reader, Path(name))
    if readers[OURS].answer != readers[DUCKDB].answer:
        raise SystemExit(f"the answers differ: {readers[OURS].answer} {readers[DUCKDB].answer}")
    report.add(
        f"{lines:,} lines of {size / lines:.0f} bytes",
        f"  {number + 1} rounds, in turns, each in a process of its own. Seconds are without"
        " importing, but for the whole command.\n  Memory is that of the process and its helpers at"
        " its"
        " highest, shared pages counted once. The target of the time\n  is DuckDB's median. Both"
        " give the same answer.",
        _rows(readers),
    )
    report.finish(options.json)


def _write(folder: Path, lines: int) -> list[Path]:
    """Write the logs of two workers, which change turns; return their files."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    head = encoder.encode({"v": 1, **HEAD})[:-1] + b","
    logs = [folder / f"shadow-host-{worker}.jsonl" for worker in (1, 2)]
    with logs[0].open("wb") as first, logs[1].open("wb") as second:
        for number, record in enumerate(divergences(lines, brief=True)):
            file = second if number % 2 else first
            if number // 2 % COUNTS_EVERY == 0:
                file.write(head + _counts(number, record.at.isoformat()) + b"\n")
            else:
                file.write(head + encoder.encode(record)[1:] + b"\n")
    return logs


def _counts(number: int, at: str) -> bytes:
    numbers = {"compared": number, "matched": 0, "known": 0, "mismatched": number, "reasons": {}}
    line = {
        "event": "shadow_counts",
        "at": at,
        "stage": "shadow",
        "calls": number,
        "episodes": number,
        "forced": 0,
        "stale_legacy": 0,
        "dropped": {},
        "routed": {},
        "comparisons": dict.fromkeys(("reach", "truth", "saying"), numbers),
    }
    return json.dumps(line).encode()[1:]


def _readers(logs: list[str]) -> dict[str, Runs]:
    runs = [sys.executable, str(ROOT / "bench" / "kit" / "report_runs.py")]
    return {
        OURS: Runs([*runs, "ours", *logs]),
        DUCKDB: Runs([*runs, "duckdb", *logs]),
        COMMAND: Runs([sys.executable, "-m", "flask", "shadow", "report", "--json", *logs]),
    }


def _run(reader: Runs, folder: Path) -> None:
    """Run it once, and look at its memory meanwhile."""
    environment = {"PATH": os.environ["PATH"], "SHIM_INSTANCE": str(folder / "instance")}
    begun, highest = time.perf_counter(), 0.0
    with (folder / "said").open("w+") as said:
        with subprocess.Popen(reader.command, cwd=ROOT, env=environment, stdout=said) as process:
            while process.poll() is None:
                highest = max(highest, _megabytes(process.pid))
                time.sleep(0.01)
        took = time.perf_counter() - begun
        said.seek(0)
        told = json.load(said)
    if process.returncode:
        raise SystemExit(f"{reader.command} ended with {process.returncode}")
    reader.seconds.append(told.get("seconds", took))
    reader.megabytes.append(highest)
    reader.answer = told.get("answer")


def _megabytes(pid: int) -> float:
    """Return the memory of a process and those that it started."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss
    except psutil.Error:
        return 0.0  # it is just ending
    return total / 2**20


def _rows(readers: dict[str, Runs]) -> list[Row]:
    limit = statistics.median(readers[DUCKDB].seconds) * 1000
    targets = {OURS: (limit, MEMORY_MB), COMMAND: (None, MEMORY_MB)}
    rows = []
    for name, reader in readers.items():
        most_ms, most_mb = targets.get(name, (None, None))
        milliseconds = statistics.median(reader.seconds) * 1000
        rows += [
            Row(name, "time", "ms", milliseconds, most_ms),
            Row(name, "best", "ms", min(reader.seconds) * 1000),
            Row(name, "worst", "ms", max(reader.seconds) * 1000),
            Row(name, "memory", "MB", max(reader.megabytes), most_mb),
        ]
    return rows


if __name__ == "__main__":
    main()
