"""What the facade costs its callers, beside what others cost, all measured in one run.

python bench/overhead.py [--quick] [--json FILE]
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.kit.peers import LaunchDarkly, Unleash, laboratory
from bench.kit.system import Store, System, burn_1_ms, sleep_200_ms, updates, user_ids
from bench.kit.table import Report, Row, arguments
from bench.kit.timing import Variant, burst, differences, pace, percentile, play

WITHOUT_SHADOW_NS = 1_000
WITH_SHADOW_NS = 3_000
PER_SECOND = 1_000

EMPTY = "empty call"
DIRECT_ID, DIRECT_UPDATE = "direct call, user id", "direct call, update"
DIRECT_CANONICAL = "direct call of the canonical"
STAGES = {"off": (0, 0), "shadow": (0, 100), "complete": (100, 0), "complete + shadow": (100, 100)}
"""The percentages of the two flags."""
PLAIN, TWIN = "candidate as it is", "the same once more"
SLEEPING, BURNING = "candidate sleeps 200 ms", "candidate burns 1 ms of CPU"
STRANGERS = 1_000_000
"""Users from here on have no connection."""


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


FULL = Size(40, 500, 15, 150, 5, 20_000, 2_000)
QUICK = Size(2, 20, 1, 10, 1, 40, 20)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is set up once. Each misbehaving candidate has a system of its own, as has its twin."""

    size: Size
    main: System
    plain: System
    twin: System
    sleeping: System
    burning: System
    unleash: Unleash
    launchdarkly: LaunchDarkly


def main() -> None:
    """Measure, print, and write the JSON if it is wanted."""
    options = arguments("What the facade costs its callers.")
    report = Report()
    with _set_up(QUICK if options.quick else FULL) as bench:
        _tight_loop(bench, report)
        _long_loop(bench, report)
        _paced(bench, report)
        _misbehaving(bench, report)
    report.finish(options.json)


@contextmanager
def _set_up(size: Size) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = Store(Path(folder))
        main = System(store)
        legacy = main.migration.user_id_only.notify_balance_update
        bench = Bench(
            size=size,
            main=main,
            plain=System(store),
            twin=System(store),
            sleeping=System(store, misdeed=sleep_200_ms),
            burning=System(store, misdeed=burn_1_ms),
            unleash=Unleash(Path(folder)),
            launchdarkly=LaunchDarkly(legacy, legacy),
        )
        for system in (bench.plain, bench.twin, bench.sleeping, bench.burning):
            system.flip(percent=0, shadow=100)
        main.start()
        yield bench
        main.stop()
        bench.unleash.close()
        bench.launchdarkly.close()
        store.database.dispose()


def _tight_loop(bench: Bench, report: Report) -> None:
    size = bench.size
    staged = _staged(bench.main, size.calls)
    variants = [*staged, *_snapshots(bench.main, size.calls), *_candidates(bench, size.calls)]
    variants += _peers(bench, size.calls)
    before = bench.main.tally()
    play(variants, rounds=size.rounds, turn=burst)
    offered = sum("shadow" in v.name for v in staged) * size.rounds * size.calls
    report.add(
        "tight loop",
        f"  {size.rounds} rounds of {size.calls} calls back to back. A call's time holds one look"
        " at the clock, as the\n  empty call's does. What is 'over' is the median, over the"
        " rounds, of the medians' difference.",
        [
            *(row for variant in variants for row in _rows(variant, variants)),
            _sleep_cost(variants),
            *_fate("shadows meanwhile", offered, before, bench.main.tally()),
        ],
    )


def _long_loop(bench: Bench, report: Report) -> None:
    size = bench.size
    variants = [v for v in _staged(bench.main, size.long_calls) if "complete" not in v.name]
    before = bench.main.tally()
    play(variants, rounds=size.long_rounds, turn=burst)
    offered = 2 * size.long_rounds * size.long_calls
    report.add(
        "long tight loop",
        f"  {size.long_rounds} rounds of {size.long_calls:,} calls: more than the queue holds, and"
        " long enough for the shadow thread\n  to ask for the interpreter. The mean holds what"
        " that takes; a call that finds the queue full costs less.",
        [
            *(row for variant in variants for row in _rows(variant, variants)),
            *(Row(v.name, "mean", "ns", v.mean) for v in variants),
            *_fate("shadows meanwhile", offered, before, bench.main.tally()),
        ],
    )


def _paced(bench: Bench, report: Report) -> None:
    size = bench.size
    staged = _staged(bench.main, size.paced_calls)
    variants = [*staged, *_candidates(bench, size.paced_calls), *_peers(bench, size.paced_calls)]
    before = bench.main.tally()
    play(variants, rounds=size.paced_rounds, turn=partial(pace, per_second=PER_SECOND))
    offered = sum("shadow" in v.name for v in staged) * size.paced_rounds * size.paced_calls
    report.add(
        "1,000 calls a second",
        f"  {size.paced_rounds} rounds of {size.paced_calls} calls, each after a sleep: caches are"
        " cold, so all of it costs more.",
        [
            *(row for variant in variants for row in _rows(variant, variants, binding=False)),
            _sleep_cost(variants),
            *_fate("shadows meanwhile", offered, before, bench.main.tally()),
        ],
    )


def _misbehaving(bench: Bench, report: Report) -> None:
    calls = bench.size.sustained_calls
    direct = _directs(bench.main, calls)[0]
    systems = {PLAIN: bench.plain, SLEEPING: bench.sleeping, BURNING: bench.burning}
    variants = [direct, *(_restarted(name, system, calls) for name, system in systems.items())]
    before = {name: system.tally() for name, system in systems.items()}
    play(variants, rounds=1, turn=partial(pace, per_second=PER_SECOND))
    rows = []
    for variant in variants:
        rows += _rows(variant, variants, binding=False)
        rows += [
            Row(variant.name, f"returned after due {name}", "ns", percentile(variant.late, percent))
            for name, percent in (("median", 50), ("p99", 99))
        ]
        if variant.name in systems:
            after = systems[variant.name].tally()
            rows += _fate(f"{variant.name}: shadows", calls, before[variant.name], after)
    report.add(
        "candidates that misbehave",
        f"  {calls:,} calls at 1,000 a second each. 'After due' holds what waking up and waiting"
        " for the interpreter take.",
        rows,
    )


def _directs(system: System, calls: int) -> list[Variant]:
    migration = system.migration
    flush = system.flush
    return [
        Variant(DIRECT_ID, migration.user_id_only.notify_balance_update, user_ids(calls)),
        Variant(
            DIRECT_UPDATE,
            migration.connection_aware.notify_balance_update,
            updates(calls),
            after=flush,
        ),
        Variant(
            DIRECT_CANONICAL,
            migration.canonical.notify_balance_update,
            [migration.table.route(user_id).hint for user_id in user_ids(calls)],
            after=flush,
        ),
    ]


def _staged(system: System, calls: int) -> list[Variant]:
    """Return the direct calls, and the facade by both paths at every stage."""
    variants = [Variant(EMPTY, _nothing, user_ids(calls)), *_directs(system, calls)]
    paths = (
        ("user id", system.by_id.notify_balance_update, user_ids(calls), DIRECT_ID),
        ("update", system.aware.notify_balance_update, updates(calls), DIRECT_UPDATE),
    )
    for stage, (percent, shadow) in STAGES.items():
        for path, call, given, legacy in paths:
            variants.append(
                Variant(
                    f"facade {stage}, {path}",
                    call,
                    given,
                    against=DIRECT_CANONICAL if percent else legacy,
                    before=partial(system.flip, percent=percent, shadow=shadow),
                    after=system.settle,
                )
            )
    return variants


def _snapshots(system: System, calls: int) -> list[Variant]:
    take = system.migration.context
    strangers = [STRANGERS + number for number in range(calls)]
    return [
        Variant("snapshot, one connection", take, user_ids(calls), against=EMPTY),
        Variant("snapshot, no connection", take, strangers, against=EMPTY),
    ]


def _candidates(bench: Bench, calls: int) -> list[Variant]:
    return [
        _restarted(PLAIN, bench.plain, calls),
        _restarted(TWIN, bench.twin, calls),
        _restarted(SLEEPING, bench.sleeping, calls),
    ]


def _restarted(name: str, system: System, calls: int) -> Variant:
    """Return the facade at stage shadow, of a system that runs for its turn only."""
    return Variant(
        name,
        system.by_id.notify_balance_update,
        user_ids(calls),
        against=DIRECT_ID,
        before=system.start,
        after=system.stop,
    )


def _peers(bench: Bench, calls: int) -> list[Variant]:
    """Return the others; fewer calls of the slow ones."""
    legacy = bench.main.migration.user_id_only.notify_balance_update
    some = user_ids(max(calls // 10, 10))
    return [
        Variant("UnleashClient.is_enabled", bench.unleash.call, some, against=EMPTY),
        Variant("laboratory conduct", laboratory(legacy, legacy), some, against=DIRECT_ID),
        Variant("LaunchDarkly migrator, shadow", bench.launchdarkly.call, some, against=DIRECT_ID),
    ]


def _rows(variant: Variant, variants: Sequence[Variant], *, binding: bool = True) -> list[Row]:
    rows = [
        Row(variant.name, "median", "ns", variant.median),
        Row(variant.name, "p99", "ns", variant.p99),
    ]
    if variant.against is None:
        return rows
    other = next(one for one in variants if one.name == variant.against)
    over = statistics.median(differences(variant, other))
    target = _target(variant.name) if binding else None
    return [*rows, Row(variant.name, f"over {other.name}", "ns", over, target)]


def _target(name: str) -> float | None:
    if not name.startswith("facade"):
        return None
    return WITH_SHADOW_NS if "shadow" in name else WITHOUT_SHADOW_NS


def _sleep_cost(variants: Sequence[Variant]) -> Row:
    """Return what a sleeping candidate costs, against what a thing differs from itself by."""
    plain, twin, sleeping = (
        next(one for one in variants if one.name == name) for name in (PLAIN, TWIN, SLEEPING)
    )
    measurable = statistics.median(map(abs, differences(twin, plain)))
    cost = statistics.median(differences(sleeping, plain))
    return Row(SLEEPING, "over one that does not, beside twins' difference", "ns", cost, measurable)


def _fate(
    subject: str, offered: int, before: Mapping[str, int], after: Mapping[str, int]
) -> list[Row]:
    """Return what became of the calls that were offered to the shadows."""
    changes = {what: n - before.get(what, 0) for what, n in after.items()}
    return [
        Row(subject, "calls offered", "", offered),
        *(Row(subject, what, "", n) for what, n in changes.items() if n or "compared" in what),
    ]


def _nothing(_: object) -> None:
    """Do nothing: what is left is the measuring."""


if __name__ == "__main__":
    main()
