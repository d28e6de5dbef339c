"""Builds what decides who serves: the flags, the kill switch, and what is known of workers.

Where other hosts may take part, the kill switch and the workers are kept there, too: in the
database unless it is SQLite, and in Redis if there is a bus. The files of the instance folder
come first, always.
"""

from dataclasses import dataclass
from functools import partial

from app.adapters.latch_redis import RedisLatchStore
from app.adapters.latch_sql import SqlLatchStore
from app.adapters.questions import Questions
from app.adapters.workers_redis import RedisWorkerTable
from app.adapters.workers_sql import SqlWorkerTable
from app.database import Database
from app.flag_hints import FlagHints, build_flag_hints
from app.rollback_file import RollbackFile
from app.runtime import Service
from app.secret import signing_key
from app.settings import Settings
from app.sharing import shared_sql
from app.unleash import build_targets, build_unleash_admin, build_unleash_provider
from app.usage import FlagAnswers
from app.writable import InstanceCheck
from flags.admin import EmbeddedAdmin, FlagAdmin
from flags.embedded import EmbeddedProvider
from flags.history import FileHistory, History
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.latch_watch import WatchedStore
from flags.provider import FlagProvider
from flags.shared_workers import SharedWorkers, WorkerTable
from flags.targets import AuthorisedTargets
from flags.workers import WorkerFiles, WorkerRegistry


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a worker follows, what an operator moves, and where each says so.

    `services` in the order of their start.
    """

    provider: FlagProvider
    flag_admin: FlagAdmin
    kill_switch: KillSwitch
    history: History
    workers: WorkerRegistry
    questions: Questions
    targets: AuthorisedTargets
    flag_hints: FlagHints
    answers: FlagAnswers
    rollback_file: RollbackFile
    instance_check: InstanceCheck
    services: tuple[tuple[str, Service], ...]


def build_deciding(settings: Settings, database: Database) -> Deciding:
    """Build all of it on what the settings name; nothing is started."""
    targets = build_targets(settings, database)
    answers = FlagAnswers()
    provider, flag_admin, flag_hints = _flags(settings, targets, answers)
    kill_switch = KillSwitch([FileLatchStore(settings.latch_file)], far=_latch_stores(settings))
    history = FileHistory(settings.history_file)
    files = WorkerFiles(settings.run_path, host=settings.host_name)
    tables = _worker_tables(settings)
    shared = SharedWorkers(files, tables)
    return Deciding(
        provider=provider,
        flag_admin=flag_admin,
        kill_switch=kill_switch,
        history=history,
        workers=shared if tables else files,
        questions=Questions(settings.run_path),
        targets=targets,
        flag_hints=flag_hints,
        answers=answers,
        rollback_file=RollbackFile(
            settings.rollback_file, kill_switch=kill_switch, history=history
        ),
        instance_check=InstanceCheck(settings),
        services=(("workers", shared),) if tables else (),
    )


def _flags(
    settings: Settings, targets: AuthorisedTargets, answers: FlagAnswers
) -> tuple[FlagProvider, FlagAdmin, FlagHints]:
    """Build what reads the flags, what turns them, and what tells others that they were."""
    if settings.unleash_url is None:
        file = settings.flag_file
        return EmbeddedProvider(file), EmbeddedAdmin(file), build_flag_hints(settings, _nobody)
    provider = build_unleash_provider(settings, targets=targets, count=answers)
    hints = build_flag_hints(settings, provider.hurry)
    return provider, build_unleash_admin(settings, targets=targets, tell=hints.tell), hints


def _nobody(revision: int) -> None:
    """Ignore a hint: a file is looked at every 20 ms anyway."""


def _latch_stores(settings: Settings) -> list[WatchedStore]:
    """Return where the latch is kept besides the file, the fastest first."""
    secret, stores = partial(signing_key, settings), list[WatchedStore]()
    if settings.notify_bus_url is not None:
        redis = RedisLatchStore(settings.notify_bus_url, secret=secret)
        stores.append(WatchedStore(redis))
    if settings.shared_database:
        stores.append(WatchedStore(SqlLatchStore(shared_sql(settings), secret=secret)))
    return stores


def _worker_tables(settings: Settings) -> list[WorkerTable]:
    """Return where workers are kept besides the files."""
    secret, tables = partial(signing_key, settings), list[WorkerTable]()
    if settings.notify_bus_url is not None:
        url = settings.notify_bus_url
        tables.append(RedisWorkerTable(url, secret=secret))
    if settings.shared_database:
        tables.append(SqlWorkerTable(shared_sql(settings), secret=secret))
    return tables
