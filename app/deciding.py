"""Builds what decides who serves: the flags, the kill switch, and what is known of workers."""

from dataclasses import dataclass

from app.adapters.questions import Questions
from app.settings import Settings
from flags.admin import EmbeddedAdmin, FlagAdmin
from flags.embedded import EmbeddedProvider
from flags.history import FileHistory, History
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from flags.provider import FlagProvider
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


def build_deciding(settings: Settings) -> Deciding:
    """Build all of it on the files of the instance folder; nothing is started."""
    return Deciding(
        provider=EmbeddedProvider(settings.flag_file),
        flag_admin=EmbeddedAdmin(settings.flag_file),
        kill_switch=KillSwitch([FileLatchStore(settings.latch_file)]),
        history=FileHistory(settings.history_file),
        workers=WorkerFiles(settings.run_path),
        questions=Questions(settings.run_path),
    )
