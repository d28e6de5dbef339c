"""The composition root: everything is built here, and nothing is started."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from app.adapters.ledger import SqlLedgerStore
from app.adapters.questions import Questions
from app.adapters.truth import SqlTruthReader
from app.cli_rollout import rollout
from app.cli_shadow import shadow
from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.core.farming_scheduler import FarmingScheduler
from app.core.schedulers import Schedulers
from app.core.ton_boost_scheduler import TonBoostScheduler
from app.core.websocket_balance_integration import WebSocketBalanceIntegration
from app.database import Database
from app.demo import demo
from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from app.notifications.timers import TimerThread
from app.parts import Parts
from app.runtime import ClosedLast, Control, Runtime, Service
from app.settings import Settings, SettingsError
from app.shadowing import build_shadowing
from app.web.health import health
from app.web.pages import pages
from app.web.sockets import OpenSockets, init_sockets
from flags.admin import EmbeddedAdmin
from flags.embedded import EmbeddedProvider
from flags.history import FileHistory
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.workers import WorkerFiles
from shim import facade
from shim.balance.known import SHIPPED
from shim.explain import explain
from shim.known_store import KnownFile
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import Migration
from shim.shadow.queue import EventQueue


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application. Raises SettingsError; starts nothing: see `app.runtime`."""
    settings = settings or Settings.from_environ()
    app = Flask("app", instance_path=str(settings.instance_path))
    app.extensions["parts"] = build_parts(settings, sockets=init_sockets(app))
    app.register_blueprint(health)
    app.register_blueprint(pages)
    app.cli.add_command(rollout)
    app.cli.add_command(shadow)
    app.cli.add_command(demo)
    return app


def build_parts(settings: Settings, *, sockets: OpenSockets) -> Parts:
    """Build and connect all parts, and install the facade behind the historic paths."""
    _make_folder(settings.instance_path)
    database = Database(settings.database_url, instance_path=settings.instance_path)
    manager = BalanceManager(database, monotonic=time.monotonic)
    provider = EmbeddedProvider(settings.flag_file)
    kill_switch = KillSwitch([FileLatchStore(settings.latch_file)])
    migration = Migration(
        flags=provider.state,
        latch=kill_switch.latch,
        new_hint=BalanceHint,
        manager=manager,
        queue=EventQueue(settings.shadow_queue),
    )
    timers = _attach_services(migration, manager, database)
    facade.install(migration)
    WebSocketBalanceIntegration(manager).install()  # the last installer of the hook wins
    processor = BatchBalanceProcessor(database)
    farming = FarmingScheduler(database, processor, interval_s=settings.farming_interval_s)
    boosts = TonBoostScheduler(database, interval_s=settings.boost_interval_s)
    known = KnownFile(settings.known_file, shipped=SHIPPED)
    ledger = SqlLedgerStore(database)
    shadowing = build_shadowing(
        settings=settings, database=database, migration=migration, known=known, store=ledger
    )
    workers = WorkerFiles(settings.run_path)
    questions = Questions(settings.run_path)
    control = Control(
        kill_switch=kill_switch,
        provider=provider,
        migration=migration,
        workers=workers,
        answer=_answering(questions, migration),
        count=shadowing.count,
        watch=known.poll,
        problems=lambda: shadowing.problems,
    )
    services: list[tuple[str, Service]] = [
        ("database", ClosedLast(database.dispose)),
        *timers,
        ("shadowing", shadowing),
        ("control", control),
        ("sockets", sockets),
    ]
    if settings.schedulers:
        services.append(("schedulers", _schedulers(settings, farming, boosts)))
    return Parts(
        settings=settings,
        database=database,
        manager=manager,
        processor=processor,
        farming=farming,
        boosts=boosts,
        provider=provider,
        flag_admin=EmbeddedAdmin(settings.flag_file),
        kill_switch=kill_switch,
        history=FileHistory(settings.history_file),
        workers=workers,
        questions=questions,
        migration=migration,
        shadowing=shadowing,
        known=known,
        ledger=ledger,
        runtime=Runtime(services, control),
    )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"SHIM_INSTANCE is {str(path)!r}: it cannot be made ({error.strerror}); name a folder"
            " that exists or can be made"
        ) from error


def _attach_services(
    migration: Migration, manager: BalanceManager, database: Database
) -> list[tuple[str, Service]]:
    """Build the live sides and return their timers.

    Each has a timer thread of its own: the canonical reads the database on its thread, and
    the legacy must not wait for that.
    """
    legacy_timers, canonical_timers = TimerThread("legacy-timers"), TimerThread("canonical-timers")
    migration.attach(
        connection_aware=ConnectionAwareService(clock=legacy_timers),
        user_id_only=UserIdOnlyService(balance_manager=manager, clock=legacy_timers),
        canonical=BalanceNotifications(
            truth=SqlTruthReader(database.read_only()),
            clock=canonical_timers,
            serves=migration.serves,
        ),
    )
    return [("legacy timers", legacy_timers), ("canonical timers", canonical_timers)]


def _schedulers(
    settings: Settings, farming: FarmingScheduler, boosts: TonBoostScheduler
) -> Schedulers:
    return Schedulers(
        farming,
        boosts,
        farming_interval_s=settings.farming_interval_s,
        boost_interval_s=settings.boost_interval_s,
    )


def _answering(questions: Questions, migration: Migration) -> Callable[[], None]:
    """Return what answers the questions that the command line puts to this worker."""

    def answer(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind != "why":
            raise ValueError(f"{kind!r} is not a question that a worker knows: ask 'why'")
        return explain(migration, payload["user"])

    return lambda: questions.answer_pending(os.getpid(), answer)
