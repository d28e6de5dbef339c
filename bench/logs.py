"""What the shadow log costs whoever hands it a divergence, and whoever writes it.

Run it as `python bench/logs.py [--quick | --full] [--json FILE]`.
"""

import gc
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
import structlog

from app.adapters.worker_log import Retention, WorkerLog
from bench.kit import budget
from bench.kit.log_records import HEAD, divergences
from bench.kit.table import Form, Report, Row, arguments
from bench.kit.timing import half_within
from shim.log_records import Divergence
from shim.shadow.publisher import Publisher

RECORD_NS = 2_000
"""500,000 records a second and core."""
CALLER_NS = 500
WITHIN_S = 180.0
"""Seconds of all rounds, but in the full form."""
OURS = "publisher, records"
BY_NAME = "publisher, events by name"
OTHERS = "structlog over stdlib logging"


@dataclass(slots=True)
class Way:
    """One way to get a divergence into a file: handing it over, then what is left to do."""

    name: str
    hand_over: Callable[[Divergence], object]
    finish: Callable[[], object]
    caller: list[float] = field(default_factory=list)
    """For each round the nanoseconds of handing one over."""
    whole: list[float] = field(default_factory=list)
    """For each round the processor's nanoseconds until one was in the file."""


def main() -> None:
    """Measure, print, and write the JSON if it is wanted."""
    options = arguments("What the shadow log costs.")
    most, size = (2, 50) if options.form is Form.QUICK else (60, 5_000)
    within = None if options.form is Form.FULL else WITHIN_S
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        ways = [_records(folder / "records"), _by_name(folder / "names"), _structlog(folder)]
        rounds = _play(ways, list(divergences(size)), most, within=within)
        lines = [line for path in (folder / "records").iterdir() for line in path.open("rb")]
    rows = [row for way in ways for row in _rows(way)]
    rows.append(Row(OURS, "a line", "bytes", statistics.fmean(map(len, lines))))
    report.add(
        "divergences into a file",
        f"  {rounds} rounds of {size:,} records, the ways in turn. 'Caller' is the time of handing"
        " one over; 'in all' the\n  processor's time from there until it stands in the file, as"
        f" one core spends it: {RECORD_NS:,} ns are 500,000 a second.\n  'Best' is the fastest"
        " round: others use this processor, too.",
        rows,
    )
    report.finish(options.json)


def _records(folder: Path) -> Way:
    publisher = _publisher(folder)
    return Way(OURS, publisher.put, publisher.flush)


def _by_name(folder: Path) -> Way:
    publisher = _publisher(folder)

    def hand_over(record: Divergence) -> None:
        publisher.publish("divergence", **_PLAIN[id(record)])

    return Way(BY_NAME, hand_over, publisher.flush)


def _publisher(folder: Path) -> Publisher:
    log = WorkerLog(folder, Retention())
    return Publisher([log], utc_now=lambda: datetime.now(UTC), common=lambda: HEAD)


def _structlog(folder: Path) -> Way:
    """Build structlog as its documentation does over logging, on the fastest JSON renderer."""
    logger = logging.getLogger("bench")
    handler = logging.FileHandler(folder / "structlog.jsonl")
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    encoder = msgspec.json.Encoder(decimal_format="number")
    bound = structlog.wrap_logger(
        logger,
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.JSONRenderer(
                serializer=lambda value, **_: encoder.encode(value).decode()
            ),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    ).bind(v=1, **HEAD)

    def hand_over(record: Divergence) -> None:
        bound.info("divergence", **_PLAIN[id(record)])

    return Way(OTHERS, hand_over, handler.flush)


_PLAIN: dict[int, dict[str, object]] = {}
"""Each record's fields by name, made beforehand; the time is the log's own."""


def _play(
    ways: Sequence[Way], records: Sequence[Divergence], most: int, *, within: float | None
) -> int:
    """Give each way a turn a round; return how many rounds were played."""
    for record in records:
        _PLAIN[id(record)] = {
            name: getattr(record, name) for name in record.__struct_fields__ if name != "at"
        }
    gc.collect()
    number = 0
    for number in budget.rounds(most, within=within, least=2):
        for way in [*ways[number % len(ways) :], *ways[: number % len(ways)]]:
            _round(way, records)
    return number + 1


def _round(way: Way, records: Sequence[Divergence]) -> None:
    hand_over = way.hand_over
    cpu, begun = time.process_time_ns(), time.perf_counter_ns()
    for record in records:
        hand_over(record)
    handed = time.perf_counter_ns() - begun
    way.finish()
    way.whole.append((time.process_time_ns() - cpu) / len(records))
    way.caller.append(handed / len(records))


def _rows(way: Way) -> list[Row]:
    ours = way.name == OURS
    median = statistics.median(way.whole)
    return [
        Row(way.name, "caller", "ns", statistics.median(way.caller), CALLER_NS if ours else None),
        Row(way.name, "in all", "ns", median, RECORD_NS if ours else None),
        Row(way.name, "best", "ns", min(way.whole)),
        Row(way.name, "half of the rounds within", "ns", half_within(way.whole)),
        Row(way.name, "a second and core", "", 1e9 / median),
    ]


if __name__ == "__main__":
    main()
