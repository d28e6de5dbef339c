"""Callers while everything is compared, beside the same with nothing compared."""

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from app.core.batch_balance_processor import BATCH_SIZE
from bench.kit.payroll import Payroll, payroll
from bench.kit.rows import fate, late_rows, rows_of
from bench.kit.subjects import NOISE_PERCENT, off_and_on, passed_on, sampled_system
from bench.kit.table import Report, Row
from bench.kit.timing import Timing, Variant, in_batches, paced, percentile, play

SAMPLED_PER_SECOND = 20
"""What 5 % of a core can compare with room to spare where each call is an episode of its own."""
RATES = (20, 50, 100, 200, 500)
"""Calls a second, each an episode of its own: from some rate on 5 % of a core is not enough."""
BATCH = 50
"""Calls that come at once, between pauses in which nothing else happens."""
PAID_AT_ONCE = BATCH_SIZE
"""Calls of the system's own caller that calls most: what the batch processor books at once."""
OVER_OFF_NS = 1_000
OVER_OFF_P99 = 1.1
COMPARED = 0.95


@dataclass(frozen=True, slots=True)
class Load:
    """How calls are offered; `meaning` says what that stands for."""

    name: str
    meaning: str
    timing: Callable[[Payroll], Timing]


LOADS = (
    Load(
        f"by the batch processor, {PAID_AT_ONCE} at once",
        "The system's own caller that calls most, as it is: it books so many users together, then"
        " tells of each.\n  Caches are as the booking left them.",
        lambda payroll: partial(payroll.timing, size=PAID_AT_ONCE, per_second=SAMPLED_PER_SECOND),
    ),
    Load(
        f"in batches of {BATCH}",
        "Calls alone, and nothing else in the process meanwhile: two in a hundred are the first"
        " after a pause.",
        lambda _: partial(in_batches, size=BATCH, per_second=SAMPLED_PER_SECOND),
    ),
    Load(
        "one by one",
        "Each call after a pause in which the process does nothing, so that it finds nothing in"
        " the caches: no caller\n  of the system calls so, for each has booked something just"
        " before. It is the least favourable there is.",
        lambda _: partial(paced, per_second=SAMPLED_PER_SECOND),
    ),
)


def sampled(report: Report, *, rounds: int, calls: int) -> None:
    """Measure callers while everything is compared, beside the same with nothing compared."""
    for load in LOADS:
        offer(report, load, rounds=rounds, calls=calls)


def offer(report: Report, load: Load, *, rounds: int, calls: int) -> None:
    """Measure one load."""
    with sampled_system() as system, payroll(system) as payer:
        off, on = off_and_on(system, calls)
        floor = passed_on(off)
        before = system.tally()
        play([off, floor, on], rounds=rounds, timing=load.timing(payer))
        after = system.tally()
    offered = rounds * calls
    report.add(
        f"all of {SAMPLED_PER_SECOND} calls a second sampled, {load.name}",
        f"  {load.meaning}\n  {rounds} rounds of {calls} calls of as many users, off"
        f" and on in turns, on {len(os.sched_getaffinity(0))} cores; the shadows' share is 5 %"
        f" of one,\n  and legacy is compared with itself for {NOISE_PERCENT} % of the users."
        " 'Over off' is the median, by round, of the difference\n  of the medians; p99 is that"
        " of all calls. 'Passed on': off, through one more function of Python, which does\n"
        "  nothing else: less than that nobody can add.",
        [
            *(row for each in (off, floor, on) for row in (*rows_of(each), *late_rows(each))),
            *_beside_off(floor, off),
            *_beside_off(on, off, OVER_OFF_NS, OVER_OFF_P99),
            *_share_compared(on.name, offered, before, after),
            *fate(on.name, offered, before, after),
        ],
    )


def rates(report: Report, *, seconds: float) -> None:
    """Measure how much is compared, and what callers feel of it, at one rate after the other."""
    rows: list[Row] = []
    for rate in RATES:
        calls = max(round(rate * seconds), 10)
        with sampled_system() as system:
            off, on = off_and_on(system, calls)
            before = system.tally()
            play([off, on], rounds=2, timing=partial(paced, per_second=rate))
            share = (system.tally()["compared"] - before["compared"]) / (2 * calls)
        name = f"{rate} a second"
        rows += [
            Row(name, "share compared", "of 1", share, digits=3),
            Row(name, "p50 over off", "ns", on.median - off.median),
            Row(name, "p99 of that off", "times", on.p99 / off.p99, digits=2),
            Row(
                name,
                "returned after due p99, of that off",
                "times",
                _late(on) / _late(off),
                digits=2,
            ),
        ]
    report.add(
        "rates, one by one",
        f"  2 rounds of {seconds:g} s, off and on in turns; the shadows' share is 5 % of a core."
        " What is not compared\n  found the share used up, and is counted as dropped. Each turn"
        " begins with two seconds' allowance saved up.",
        rows,
    )


def _beside_off(
    variant: Variant, off: Variant, most: float | None = None, most_p99: float | None = None
) -> list[Row]:
    by_round = [
        statistics.median(own) - statistics.median(other)
        for own, other in zip(variant.turns, off.turns, strict=True)
    ]
    return [
        Row(variant.name, "over off", "ns", statistics.median(by_round), most),
        Row(variant.name, "of the rounds, least", "ns", min(by_round)),
        Row(variant.name, "of the rounds, most", "ns", max(by_round)),
        Row(variant.name, "p99 of that off", "times", variant.p99 / off.p99, most_p99, digits=2),
    ]


def _share_compared(
    subject: str, offered: int, before: Mapping[str, int], after: Mapping[str, int]
) -> list[Row]:
    share = (after["compared"] - before["compared"]) / offered
    return [Row(subject, "share compared", "of 1", share, COMPARED, at_least=True, digits=3)]


def _late(variant: Variant) -> float:
    return percentile(variant.late, 99)
