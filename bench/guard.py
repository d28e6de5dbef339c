"""How seldom the guard trips for nothing, how soon it trips for something, and what it costs.

    python bench/guard.py [--quick | --full] [--json FILE]

Seeded simulations with the guard's own code, beside rules with a fixed threshold on the same
streams of calls; then real workers whose canonical turns bad, and the guard's own threads.
"""

import math
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.logs import quiet_log
from bench.kit import budget
from bench.kit.guard_cost import PER_SECOND, WORKERS, cost
from bench.kit.rollouts import CALLS_A_SECOND, FixedRule, OurRule, Rule, diverging, walds_bound
from bench.kit.servers import servers
from bench.kit.table import Form, Report, Row, arguments
from bench.kit.trips import rows, system
from bench.kit.turncoat import SHARE
from shim.confidence import lower_bound, upper_bound

TOLERATED, ALPHA, POWER = 0.0001, 0.001, 0.95
CALLS = 1_000_000
SEED = 20_000
RULES: dict[str, Rule] = {
    "ours": OurRule(TOLERATED, ALPHA),
    # As their own examples have it: more than 1 % in 5 checks, one a minute; more than 5 % in
    # more than 3 checks, one every five minutes.
    "Flagger's example": FixedRule(minutes=1, share=0.01, borne=4),
    "Argo's example": FixedRule(minutes=5, share=0.05, borne=3),
    "Flagger's rule, tolerated rate": FixedRule(minutes=1, share=TOLERATED, borne=4),
    "Argo's rule, tolerated rate": FixedRule(minutes=5, share=TOLERATED, borne=3),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How often each thing is done, and for how many seconds the cost is measured."""

    rollouts: int
    risen: int
    rounds: int
    seconds: float
    simulated_s: float | None = None
    """Seconds of one rule at one rate."""
    rounds_s: float | None = None
    """Seconds of the rounds on one kind of stores."""


FULL = Size(rollouts=10_000, risen=2_000, rounds=25, seconds=20.0)
NORMAL = Size(rollouts=10_000, risen=2_000, rounds=25, seconds=5.0, simulated_s=2.5, rounds_s=30.0)
QUICK = Size(rollouts=2, risen=4, rounds=1, seconds=1.0)
SIZES = {Form.FULL: FULL, Form.NORMAL: NORMAL, Form.QUICK: QUICK}
AT_ONCE = 100
"""Rollouts that are simulated between two looks at the time."""


def main() -> None:
    """Simulate, measure, print, and write the JSON if it is wanted."""
    options = arguments("How seldom the guard trips for nothing, how soon for something.")
    size = SIZES[options.form]
    report = Report()
    with ProcessPoolExecutor() as pool:
        simulate(pool, report, size)
    folder = Path(tempfile.mkdtemp(prefix="guard-"))
    try:
        with quiet_log(), servers() as (_, postgres, environ):
            alone: dict[str, str] = {}
            for name, given in (("PostgreSQL and Redis", environ), ("SQLite alone", alone)):
                turn_bad(report, name, folder / name, given, size)
            url = postgres.url(postgres.create_database())
            for name, database_url in (("PostgreSQL", url), ("SQLite", "sqlite:///app.db")):
                measure_cost(report, name, folder / f"cost {name}", database_url, size)
    finally:
        shutil.rmtree(folder)
    report.finish(options.json)


def simulate(pool: ProcessPoolExecutor, report: Report, size: Size) -> None:
    """Simulate rollouts in which nothing is wrong, and such in which something is."""
    for share in (1.0, 0.9):
        rate = TOLERATED * share
        report.add(
            f"false trips in rollouts of {CALLS:,} calls, {rate:.3%} diverge",
            f"  Tolerated is {TOLERATED:.2%}; alpha is {ALPHA:.1%}. Looked at after every"
            f" divergence and every {CALLS_A_SECOND} calls.\n  'At least' and 'at most' are sure"
            " to 95 %, each.",
            [
                row
                for name in RULES
                for row in false_trips(name, play(pool, name, rate, size.rollouts, size))
            ],
        )
    for rate in (0.1, 0.01, 0.001):
        report.add(
            f"calls to the trip, {rate:.1%} diverge from the first call on",
            f"  Streams of {CALLS:,} calls. Wald's bound for alpha {ALPHA:.1%} and a"
            f" power of {POWER:.0%} is {bound(rate):,.0f} calls on average.",
            [
                row
                for name in RULES
                for row in sooner(name, play(pool, name, rate, size.risen, size), rate)
            ],
        )


def turn_bad(
    report: Report, name: str, folder: Path, environ: Mapping[str, str], size: Size
) -> None:
    """Have the canonical of four real workers turn bad, again and again."""
    with system(folder, environ, per_second=CALLS_A_SECOND) as running:
        found = running.rounds(size.rounds, within=size.rounds_s)
    report.add(
        f"four workers on {name}, a canonical that turns bad",
        f"  From a moment on {SHARE:.0%} of its messages show a wrong balance. Measured from that\n"
        "  moment to the one at which the last worker says that it has applied the rollback, both\n"
        "  by the wall clock of this one machine. Bad messages are counted by the pages.",
        rows(found, running, per_second=CALLS_A_SECOND),
    )


def measure_cost(report: Report, name: str, folder: Path, database_url: str, size: Size) -> None:
    """Measure the processor time of the guard's threads."""
    report.add(
        f"the guard's threads at {PER_SECOND:,} calls a second, on {name}",
        "  The processor time of the threads themselves, in a worker that leads, with the counts\n"
        f"  of {WORKERS} workers and both migrations. The server's own is not in it.",
        cost(folder, database_url=database_url, seconds=size.seconds),
    )


def play(
    pool: ProcessPoolExecutor, name: str, rate: float, rollouts: int, size: Size
) -> list[int | None]:
    """Return at which call each rollout tripped; the streams begin alike for each rule."""
    found: list[int | None] = []
    for number in budget.rounds(-(-rollouts // AT_ONCE), within=size.simulated_s):
        these = range(number * AT_ONCE, min((number + 1) * AT_ONCE, rollouts))
        found += pool.map(partial(_one, name, rate), these, chunksize=10)
    return found


def _one(name: str, rate: float, number: int) -> int | None:
    return RULES[name](diverging(rate, random.Random(SEED + number)), CALLS)


def bound(rate: float) -> float:
    """Return Wald's bound for a rate, in calls."""
    return walds_bound(rate, TOLERATED, alpha=ALPHA, power=POWER)


def false_trips(name: str, tripped: Sequence[int | None]) -> list[Row]:
    """Return the share of rollouts that ended for nothing, and how sure that is."""
    trips, played = sum(at is not None for at in tripped), len(tripped)
    least, most = lower_bound(trips, played), upper_bound(trips, played)
    target = 100 * ALPHA if name == "ours" else None
    return [
        Row(name, "false trips", "%", 100 * trips / played, digits=3),
        Row(name, "at least", "%", 100 * least, target, digits=3),
        Row(name, "at most", "%", 100 * most, digits=3),
        Row(name, "rollouts", "", played),
    ]


def sooner(name: str, tripped: Sequence[int | None], rate: float) -> list[Row]:
    """Return how many calls it took; what did not trip took for ever."""
    calls = sorted(math.inf if at is None else at for at in tripped)
    middle, late = statistics.median_low(calls), calls[int(len(calls) * 0.95)]
    missed = sum(at is None for at in tripped)
    target = 1.5 if name == "ours" and rate == 0.01 else None
    return [
        Row(name, "streams", "", len(tripped)),
        Row(name, "missed", "", missed),
        *([] if math.isinf(late) else [Row(name, "95 %", "calls", late)]),
        *(
            []
            if math.isinf(middle)
            else [
                Row(name, "median", "calls", middle),
                Row(name, "against Wald's bound", "x", middle / bound(rate), target, digits=2),
            ]
        ),
    ]


if __name__ == "__main__":
    main()
