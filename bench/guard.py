"""How seldom the guard trips for nothing, and how soon it trips for something.

    python bench/guard.py [--quick] [--json FILE]

Seeded simulations with the guard's own code, beside rules with a fixed threshold on the same
streams of calls.
"""

import math
import random
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kit.rollouts import CALLS_A_SECOND, FixedRule, OurRule, Rule, diverging, walds_bound
from bench.kit.table import Report, Row, arguments

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


def main() -> None:
    """Simulate, print, and write the JSON if it is wanted."""
    options = arguments("How seldom the guard trips for nothing, and how soon for something.")
    rollouts, risen = (20, 50) if options.quick else (10_000, 2_000)
    report = Report()
    with ProcessPoolExecutor() as pool:
        for share in (1.0, 0.9):
            rate = TOLERATED * share
            report.add(
                f"false trips in {rollouts:,} rollouts of {CALLS:,} calls, {rate:.3%} diverge",
                f"  Tolerated is {TOLERATED:.2%}; alpha is {ALPHA:.1%}. Looked at after every"
                f" divergence and every {CALLS_A_SECOND} calls.",
                [false_trips(name, play(pool, name, rate, rollouts)) for name in RULES],
            )
        for rate in (0.1, 0.01, 0.001):
            report.add(
                f"calls to the trip, {rate:.1%} diverge from the first call on",
                f"  {risen:,} streams of {CALLS:,} calls. Wald's bound for alpha {ALPHA:.1%} and a"
                f" power of {POWER:.0%} is {bound(rate):,.0f} calls on average.",
                [
                    row
                    for name in RULES
                    for row in sooner(name, play(pool, name, rate, risen), rate)
                ],
            )
    report.finish(options.json)


def play(pool: ProcessPoolExecutor, name: str, rate: float, rollouts: int) -> list[int | None]:
    """Return at which call each rollout tripped; the same streams for each rule."""
    return list(pool.map(partial(_one, name, rate), range(rollouts), chunksize=10))


def _one(name: str, rate: float, number: int) -> int | None:
    return RULES[name](diverging(rate, random.Random(SEED + number)), CALLS)


def bound(rate: float) -> float:
    """Return Wald's bound for a rate, in calls."""
    return walds_bound(rate, TOLERATED, alpha=ALPHA, power=POWER)


def false_trips(name: str, tripped: Sequence[int | None]) -> Row:
    """Return the share of rollouts that ended for nothing."""
    share = sum(at is not None for at in tripped) / len(tripped)
    return Row(
        name, "false trips", "%", share * 100, 100 * ALPHA if name == "ours" else None, digits=3
    )


def sooner(name: str, tripped: Sequence[int | None], rate: float) -> list[Row]:
    """Return how many calls it took; what did not trip took for ever."""
    calls = sorted(math.inf if at is None else at for at in tripped)
    middle, late = statistics.median_low(calls), calls[int(len(calls) * 0.95)]
    missed = sum(at is None for at in tripped)
    target = 1.5 if name == "ours" and rate == 0.01 else None
    return [
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
