"""Builds what decides who serves: the flags, the kill switch, and what is known of workers."""

from dataclasses import dataclass

from app.adapters.questions import Questions
from app.database import Database
from app.flag_hints import FlagHints, build_flag_hints
from app.settings import Settings
from app.unleash import build_targets, build_unleash_admin, build_unleash_provider
from app.usage import FlagAnswers
from flags.admin import EmbeddedAdmin, FlagAdmin
from flags.embedded import EmbeddedProvider
from flags.history import FileHistory, History
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.provider import FlagProvider
from flags.targets import AuthorisedTargets
from flags.workers import WorkerFiles, WorkerRegistry


@dataclass(frozen=True, slots=True)
class Deciding:
    """What a worker follows, what an operator moves, and where each says so."""

    provider: FlagProvider
    flag_admin: FlagAdmin
    kill_switch: KillSwitch
    history: History
    workers: WorkerRegistry
    questions: Questions
    targets: AuthorisedTargets
    flag_hints: FlagHints
    answers: FlagAnswers


def build_deciding(settings: Settings, database: Database) -> Deciding:
    """Build all of it on what the settings name; nothing is started."""
    targets = build_targets(settings, database)
    answers = FlagAnswers()
    provider: FlagProvider = EmbeddedProvider(settings.flag_file)
    flag_admin: FlagAdmin = EmbeddedAdmin(settings.flag_file)
    flag_hints = build_flag_hints(settings, _nobody)
    if settings.unleash_url is not None:
        unleash = build_unleash_provider(settings, targets=targets, count=answers)
        provider, flag_hints = unleash, build_flag_hints(settings, unleash.hurry)
        flag_admin = build_unleash_admin(settings, targets=targets, tell=flag_hints.tell)
    return Deciding(
        provider=provider,
        flag_admin=flag_admin,
        kill_switch=KillSwitch([FileLatchStore(settings.latch_file)]),
        history=FileHistory(settings.history_file),
        workers=WorkerFiles(settings.run_path),
        questions=Questions(settings.run_path),
        targets=targets,
        flag_hints=flag_hints,
        answers=answers,
    )


def _nobody(revision: int) -> None:
    """Ignore a hint: a file is looked at every 20 ms anyway."""
