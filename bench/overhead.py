"""What the facade costs its callers, beside what others cost, all measured in one run.

Run it as `python bench/overhead.py [--quick | --full] [--json FILE]`.
"""

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kit.rows import fate, late_rows, rows_of
from bench.kit.sampled import rates, sampled
from bench.kit.subjects import (
    BURNING,
    DIRECT_ID,
    EMPTY,
    PLAIN,
    SLEEPING,
    TWIN,
    Bench,
    candidate_calls,
    direct_calls,
    facade_calls,
    income_calls,
    peer_calls,
    restarted,
    set_up,
)
from bench.kit.table import Form, Report, Row, arguments
from bench.kit.timing import Variant, back_to_back, paced, play

WITHOUT_SHADOW_NS = 1_000
WITH_SHADOW_NS = 3_000
PER_SECOND = 1_000

MEANWHILE = "shadows meanwhile"
UNDISTURBED = "undisturbed"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    calls: int
    paced_rounds: int
    paced_calls: int
    long_rounds: int
    long_calls: int
    sustained_calls: int
    sampled_rounds: int
    sampled_calls: int
    rate_seconds: float
    within: float | None = None
    """Seconds of the tight loop, and of what is paced. The long one has a third of it."""


FULL = Size(40, 500, 15, 150, 5, 20_000, 2_000, 20, 100, 20.0)
NORMAL = Size(40, 500, 15, 150, 5, 20_000, 1_000, 2, 100, 2.0, within=22.0)
QUICK = Size(2, 20, 1, 10, 1, 40, 20, 1, 10, 0.1)
SIZES = {Form.FULL: FULL, Form.NORMAL: NORMAL, Form.QUICK: QUICK}


def main() -> None:
    """Measure, print, and write the JSON if it is wanted."""
    options = arguments("What the facade costs its callers.")
    size = SIZES[options.form]
    report = Report()
    with set_up() as bench:
        _tight_loop(bench, size, report)
        _long_loop(bench, size, report)
        _paced(bench, size, report)
        _misbehaving(bench, size, report)
    sampled(report, rounds=size.sampled_rounds, calls=size.sampled_calls)
    rates(report, seconds=size.rate_seconds)
    report.finish(options.json)


def _tight_loop(bench: Bench, size: Size, report: Report) -> None:
    direct = direct_calls(bench.main, size.calls)
    staged = facade_calls(bench.main, direct, size.calls)
    candidates = candidate_calls(bench, direct)
    variants = [
        *direct.values(),
        *staged,
        *income_calls(bench.income, size.calls),
        *candidates.values(),
        *peer_calls(bench, direct),
    ]
    before = bench.main.tally()
    rounds = play(variants, rounds=size.rounds, timing=back_to_back, within=size.within)
    report.add(
        "tight loop",
        f"  {rounds} rounds of {size.calls} calls back to back. A call's time holds one look"
        " at the clock, as the\n  empty call's does. 'Over' is the median, by round, of the"
        " difference to direct calls in between; 'undisturbed'\n  the same of the quarter of the"
        " rounds in which the direct call was fastest: others use this processor, too.",
        [
            *(row for variant in variants for row in _binding_rows(variant)),
            Row(EMPTY, "fastest round", "ns", min(map(statistics.median, direct[EMPTY].turns))),
            *_sleep_cost(candidates, binding=True),
            *fate(MEANWHILE, _offered(staged), before, bench.main.tally()),
        ],
    )


def _long_loop(bench: Bench, size: Size, report: Report) -> None:
    direct = direct_calls(bench.main, size.long_calls)
    staged = [
        v for v in facade_calls(bench.main, direct, size.long_calls) if "complete" not in v.name
    ]
    before = bench.main.tally()
    within = None if size.within is None else size.within / 3
    rounds = play(staged, rounds=size.long_rounds, timing=back_to_back, within=within)
    report.add(
        "long tight loop",
        f"  {rounds} rounds of {size.long_calls:,} calls, as many direct ones between"
        " them: more than the queue holds, and long\n  enough for the shadow thread to ask for the"
        " interpreter. The mean holds what that takes.",
        [
            row
            for variant in staged
            for row in (*_binding_rows(variant), Row(variant.name, "mean", "ns", variant.mean))
        ]
        + fate(MEANWHILE, _offered(staged), before, bench.main.tally()),
    )


def _paced(bench: Bench, size: Size, report: Report) -> None:
    direct = direct_calls(bench.main, size.paced_calls)
    staged = facade_calls(bench.main, direct, size.paced_calls)
    candidates = candidate_calls(bench, direct)
    variants = [*direct.values(), *staged, *candidates.values(), *peer_calls(bench, direct)]
    before = bench.main.tally()
    timing = partial(paced, per_second=PER_SECOND)
    rounds = play(variants, rounds=size.paced_rounds, timing=timing, within=size.within)
    report.add(
        "1,000 calls a second",
        f"  {rounds} rounds of {size.paced_calls} calls, each after a sleep: caches are"
        " cold, so all of it costs more.",
        [
            *(row for variant in variants for row in rows_of(variant)),
            *_sleep_cost(candidates, binding=False),
            *fate(MEANWHILE, _offered(staged), before, bench.main.tally()),
        ],
    )


def _misbehaving(bench: Bench, size: Size, report: Report) -> None:
    calls = size.sustained_calls
    alone = replace(direct_calls(bench.main, calls)[DIRECT_ID], name=f"{DIRECT_ID}, no shadow")
    systems = {PLAIN: bench.plain, SLEEPING: bench.sleeping, BURNING: bench.burning}
    variants = [alone, *(restarted(name, system, None, calls) for name, system in systems.items())]
    before = {name: system.tally() for name, system in systems.items()}
    play(variants, rounds=1, timing=partial(paced, per_second=PER_SECOND))
    rows = []
    for variant in variants:
        rows += [*rows_of(variant), *late_rows(variant)]
        if variant.name in systems:
            after = systems[variant.name].tally()
            rows += fate(f"{variant.name}: shadows", calls, before[variant.name], after)
    report.add(
        "candidates that misbehave",
        f"  {calls:,} calls at 1,000 a second each. 'After due' holds what waking up and waiting"
        " for the interpreter take.",
        rows,
    )


def _binding_rows(variant: Variant) -> list[Row]:
    """Return the rows of a variant, with the one that has a target if it has one."""
    target = _target(variant.name)
    if target is None:
        return rows_of(variant)
    return [
        *rows_of(variant),
        Row(variant.name, UNDISTURBED, "ns", variant.over_undisturbed, target),
    ]


def _target(name: str) -> float | None:
    if not name.startswith("facade"):
        return None
    return WITH_SHADOW_NS if "shadow" in name else WITHOUT_SHADOW_NS


def _sleep_cost(candidates: Mapping[str, Variant], *, binding: bool) -> list[Row]:
    """Return what a sleeping candidate costs, and what a thing differs from itself by."""
    plain, twin, sleeping = (candidates[name].differences for name in (PLAIN, TWIN, SLEEPING))
    measurable = statistics.median([abs(a - b) for a, b in zip(twin, plain, strict=True)])
    cost = statistics.median([a - b for a, b in zip(sleeping, plain, strict=True)])
    return [
        Row(TWIN, "twins differ by", "ns", measurable),
        Row(SLEEPING, "over its twin", "ns", cost, measurable if binding else None),
    ]


def _offered(staged: Sequence[Variant]) -> int:
    """Return how many calls were offered to the shadows."""
    return sum(len(turn) for v in staged if "shadow" in v.name for turn in v.turns)


if __name__ == "__main__":
    main()
