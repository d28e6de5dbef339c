"""Builds what verifies: what each migration has of its own, and the log they share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.adapters.guard_sql import SqlGuardStore
from app.adapters.ledger import SqlLedgerStore
from app.adapters.replays import SqlReplayStore
from app.bindings import Binding
from app.database import Database
from app.known_files import known_file
from app.parts import Course
from app.runtime import Service
from app.settings import Settings
from app.shadow_log import ShadowLog, build_shadow_log
from app.shadowing import build_shadowing
from shim.shadow.replays import ReplayStore


@dataclass(frozen=True, slots=True)
class Verifying:
    """All migrations by name, and what keeps a divergence to be run again.

    `services` in the order of their start.
    """

    courses: Mapping[str, Course]
    replays: ReplayStore
    services: tuple[tuple[str, Service], ...]


def build_verifying(
    bindings: Iterable[Binding], *, settings: Settings, database: Database
) -> Verifying:
    """Build it for these migrations, in the order given; nothing is started."""
    log = build_shadow_log(settings)
    replays = SqlReplayStore(database)
    courses = {
        binding.router.pair.migration: _course(
            binding, settings=settings, database=database, log=log, replays=replays
        )
        for binding in bindings
    }
    shadowings = ((f"shadowing of {name}", each.shadowing) for name, each in courses.items())
    return Verifying(courses, replays, (("shadow log", log), *shadowings))


def _course(
    binding: Binding,
    *,
    settings: Settings,
    database: Database,
    log: ShadowLog,
    replays: ReplayStore,
) -> Course:
    pair = binding.router.pair
    known = known_file(settings, pair.migration)
    ledger = SqlLedgerStore(database, migration=pair.migration)
    guard = SqlGuardStore(
        database,
        migration=pair.migration,
        comparisons=settings.guard.guarded.comparisons,
    )
    shadowing = build_shadowing(
        binding,
        settings=settings,
        database=database,
        log=log,
        known=known,
        store=ledger,
        replay_store=replays,
    )
    return Course(pair, binding.router, shadowing, known, ledger, guard, binding.words_of)
