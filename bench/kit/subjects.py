"""What is timed: direct calls, the facade at every stage, the snapshot, candidates, peers."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.core.farming_income import accrued_income
from bench.kit.income import IncomeSystem, deposits
from bench.kit.peers import LaunchDarkly, Unleash, laboratory
from bench.kit.system import (
    MANY_USERS,
    Store,
    System,
    burn_1_ms,
    sleep_200_ms,
    updates,
    user_ids,
)
from bench.kit.timing import Variant
from shim.legacy.tick_income import tick_income

EMPTY = "empty call"
DIRECT_ID, DIRECT_UPDATE = "direct call, user id", "direct call, update"
DIRECT_CANONICAL = "direct call of the canonical"
STAGES = {"off": (0, 0), "shadow": (0, 100), "complete": (100, 0), "complete + shadow": (100, 100)}
"""The percentages of the two flags."""
PLAIN, TWIN = "candidate as it is", "the same once more"
SLEEPING, BURNING = "candidate sleeps 200 ms", "candidate burns 1 ms of CPU"


@dataclass(frozen=True, slots=True)
class Bench:
    """What is set up once. Each misbehaving candidate has a system of its own, as has its twin."""

    main: System
    income: IncomeSystem
    plain: System
    twin: System
    sleeping: System
    burning: System
    unleash: Unleash
    launchdarkly: LaunchDarkly


@contextmanager
def set_up() -> Iterator[Bench]:
    """Build all of it in a temporary folder, and start the main system."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = Store(Path(folder))
        main = System(store)
        legacy = main.migration.user_id_only.notify_balance_update
        bench = Bench(
            main=main,
            income=IncomeSystem(),
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
        bench.income.start()
        yield bench
        bench.income.stop()
        main.stop()
        bench.unleash.close()
        bench.launchdarkly.close()
        store.database.dispose()


def direct_calls(system: System, calls: int) -> dict[str, Variant]:
    """Return what everything is compared with."""
    migration = system.migration
    hints = [migration.table.route(user_id).hint for user_id in user_ids(calls)]
    canonical_serves = partial(system.flip, percent=100, shadow=0)
    variants = [
        Variant(EMPTY, _nothing, user_ids(calls)),
        Variant(DIRECT_ID, migration.user_id_only.notify_balance_update, user_ids(calls)),
        Variant(
            DIRECT_UPDATE,
            migration.connection_aware.notify_balance_update,
            updates(calls),
            after=system.flush,
        ),
        Variant(
            DIRECT_CANONICAL,
            migration.canonical.notify_balance_update,
            hints,
            before=canonical_serves,
            after=system.flush,
        ),
    ]
    return {variant.name: variant for variant in variants}


def facade_calls(system: System, direct: Mapping[str, Variant], calls: int) -> list[Variant]:
    """Return the facade by both paths at every stage, against the side that serves there."""
    paths = (
        ("user id", system.by_id.notify_balance_update, user_ids(calls), DIRECT_ID),
        ("update", system.aware.notify_balance_update, updates(calls), DIRECT_UPDATE),
    )
    return [
        Variant(
            f"facade {stage}, {path}",
            call,
            given,
            against=direct[DIRECT_CANONICAL if percent else legacy],
            before=partial(system.flip, percent=percent, shadow=shadow),
            after=system.settle,
        )
        for stage, (percent, shadow) in STAGES.items()
        for path, call, given, legacy in paths
    ]


def income_calls(system: IncomeSystem, calls: int) -> list[Variant]:
    """Return the farming income: each calculation by itself, then the facade at every stage."""
    given = deposits(calls)
    direct = {
        0: Variant("direct call, income", tick_income, given),
        100: Variant("direct call of the canonical, income", accrued_income, given),
    }
    return [
        *direct.values(),
        *(
            Variant(
                f"facade {stage}, income",
                system.facade.income_of,
                given,
                against=direct[percent],
                before=partial(system.flip, percent=percent, shadow=shadow),
                after=system.settle,
            )
            for stage, (percent, shadow) in STAGES.items()
        ),
    ]


def candidate_calls(bench: Bench, direct: Mapping[str, Variant]) -> dict[str, Variant]:
    """Return the facade at stage shadow, with a candidate that sleeps and two that do not."""
    systems = {PLAIN: bench.plain, TWIN: bench.twin, SLEEPING: bench.sleeping}
    against = direct[DIRECT_ID]
    return {
        name: restarted(name, system, against, len(against.arguments))
        for name, system in systems.items()
    }


def restarted(name: str, system: System, against: Variant | None, calls: int) -> Variant:
    """Return the facade at stage shadow, of a system that runs for its turn only."""
    return Variant(
        name,
        system.by_id.notify_balance_update,
        user_ids(calls),
        against=against,
        before=system.start,
        after=system.stop,
    )


NOISE_PERCENT = 10
"""As the service has it unless it is told otherwise."""


@contextmanager
def sampled_system() -> Iterator[System]:
    """Start a system of many users, as one worker has it, with the noise floor measured."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = Store(Path(folder), MANY_USERS)
        system = System(store, noise_percent=NOISE_PERCENT)
        system.start()
        yield system
        system.stop()
        store.database.dispose()


def off_and_on(system: System, calls: int) -> tuple[Variant, Variant]:
    """Return the facade with the shadow off, and the same with all calls sampled."""
    off, on = (
        Variant(
            name,
            system.by_id.notify_balance_update,
            user_ids(calls, MANY_USERS),
            before=partial(system.flip, percent=0, shadow=shadow),
            after=system.settle,
        )
        for name, shadow in (("shadow off", 0), ("shadow at 100 %", 100))
    )
    return off, on


def passed_on(off: Variant) -> Variant:
    """Return the same with one more function in between: the least that a line of ours can cost."""

    def pass_on(argument: object) -> object:
        return off.call(argument)

    return Variant(
        f"{off.name}, passed on", pass_on, off.arguments, before=off.before, after=off.after
    )


def peer_calls(bench: Bench, direct: Mapping[str, Variant]) -> list[Variant]:
    """Return the others; fewer calls, for they are slow."""
    legacy, empty = direct[DIRECT_ID], direct[EMPTY]
    some = user_ids(max(len(legacy.arguments) // 10, 10))
    conduct = laboratory(legacy.call, legacy.call)
    migrate = bench.launchdarkly.call
    return [
        Variant("UnleashClient.is_enabled", bench.unleash.call, some, against=empty),
        Variant("laboratory conduct", conduct, some, against=legacy),
        Variant("LaunchDarkly migrator, shadow", migrate, some, against=legacy),
    ]


def _nothing(_: object) -> None:
    """Do nothing: what is left is the measuring."""
