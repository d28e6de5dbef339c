"""Builds what each migration has of its own."""

from collections.abc import Iterable

from app.adapters.guard_sql import SqlGuardStore
from app.adapters.ledger import SqlLedgerStore
from app.bindings import Binding
from app.database import Database
from app.parts import Course
from app.settings import Settings
from app.shadow_log import ShadowLog
from app.shadowing import build_shadowing
from shim.known_store import KnownFile
from shim.shadow.replays import ReplayStore


def build_courses(
    bindings: Iterable[Binding],
    *,
    settings: Settings,
    database: Database,
    log: ShadowLog,
    replays: ReplayStore,
) -> dict[str, Course]:
    """Return all migrations by name, in the order given; nothing is started."""
    courses = {}
    for binding in bindings:
        pair = binding.router.pair
        known = KnownFile(settings.known_file_of(pair.migration), shipped=binding.shipped)
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
        courses[pair.migration] = Course(pair, binding.router, shadowing, known, ledger, guard)
    return courses
