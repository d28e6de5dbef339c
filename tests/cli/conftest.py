"""An instance folder with its parts, the command line on it, and worker processes beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import insert

from app.adapters.guard_sql import SqlGuardStore
from app.adapters.ledger import SqlLedgerStore
from app.adapters.questions import Questions
from app.cli_rollout import rollout
from app.database import Database
from app.known_files import SHIPPED
from app.models import User
from app.settings import Settings
from flags.admin import EmbeddedAdmin
from flags.decision import (
    BALANCE_NOTIFICATIONS,
    CANONICAL_FLAG,
    MIGRATIONS,
    FlagPair,
)
from flags.definition import FlagDefinition
from flags.embedded import EmbeddedProvider, ensure_flag_file
from flags.history import FileHistory
from flags.kill_switch import KillSwitch
from flags.latch import Latch
from flags.latch_file import FileLatchStore
from flags.workers import WorkerFiles
from shim.known_store import KnownFile

USERS = (7, 9)


def parts_on(instance: Path) -> Any:
    """Return the parts that the commands use, as a process that just started has them."""
    database = Database("sqlite:///app.db", instance_path=instance)
    shared = {
        "settings": Settings(instance_path=instance, database_url="sqlite:///app.db"),
        "database": database,
        "flag_admin": EmbeddedAdmin(instance / "flags.json"),
        "provider": EmbeddedProvider(instance / "flags.json"),
        "kill_switch": KillSwitch([FileLatchStore(instance / "latch.json")]),
        "history": FileHistory(instance / "history.jsonl"),
        "workers": WorkerFiles(instance / "run"),
        "questions": Questions(instance / "run"),
    }
    courses = {
        pair.migration: SimpleNamespace(
            **shared,
            pair=pair,
            known=KnownFile(instance / known_name(pair), shipped=SHIPPED[pair.migration]),
            ledger=SqlLedgerStore(database, migration=pair.migration),
            guard=SqlGuardStore(database, migration=pair.migration, comparisons=("truth",)),
        )
        for pair in MIGRATIONS
    }
    for course in courses.values():
        course.of = courses.__getitem__
    return courses[BALANCE_NOTIFICATIONS.migration]


def known_name(pair: FlagPair) -> str:
    """Return the name of the file of a migration's known divergences."""
    return "known.json" if pair is BALANCE_NOTIFICATIONS else f"known-{pair.migration}.json"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs `flask rollout …` on one instance folder, each time as a process of its own would."""

    instance: Path

    def __call__(self, *arguments: str) -> Result:
        """Run a command; what it prints and how it exits is in the result."""
        app = Flask("test")
        app.extensions["parts"] = parts_on(self.instance)
        app.cli.add_command(rollout)
        result = app.test_cli_runner().invoke(args=["rollout", *arguments])
        app.extensions["parts"].database.dispose()
        return result

    def json(self, *arguments: str) -> Any:
        """Run a command with `--json` that must succeed, and return what it printed."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    @property
    def latch(self) -> Latch:
        """The latch as a process that starts now reads it."""
        switch = KillSwitch([FileLatchStore(self.instance / "latch.json")])
        switch.poll()
        return switch.latch

    def flag(self, name: str = CANONICAL_FLAG) -> FlagDefinition:
        """Return a flag as a process that starts now reads it."""
        provider = EmbeddedProvider(self.instance / "flags.json")
        provider.poll()
        definition = provider.state.definition(name)
        assert definition is not None
        return definition


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file with two users, to be copied."""
    folder = tmp_path_factory.mktemp("seeded")
    database = Database("sqlite:///app.db", instance_path=folder)
    database.upgrade()
    with database.transaction() as session:
        now = datetime.now(UTC)
        session.execute(insert(User), [{"id": user, "created_at": now} for user in USERS])
    database.dispose()
    return folder / "app.db"


@pytest.fixture
def flask_rollout(tmp_path: Path, seeded: Path) -> CommandLine:
    """Return the command line on a new instance: two users, stage off, no worker."""
    (tmp_path / "app.db").write_bytes(seeded.read_bytes())
    ensure_flag_file(tmp_path / "flags.json")
    return CommandLine(tmp_path)


StartWorker = Callable[..., int]


@pytest.fixture
def start_worker(tmp_path: Path, flask_rollout: CommandLine) -> Iterator[StartWorker]:
    """Return what starts a worker process on the instance and waits for its first sign."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> int:
        script = str(Path(__file__).with_name("worker.py"))
        process = subprocess.Popen([sys.executable, script, str(tmp_path), *arguments])
        processes.append(process)
        file = tmp_path / "run" / f"worker-{process.pid}.json"
        deadline = time.monotonic() + 30
        while not file.exists():
            assert process.poll() is None, "the worker ended before its first sign of life"
            assert time.monotonic() < deadline, "the worker showed no sign of life within 30 s"
            time.sleep(0.005)
        return process.pid

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def stop_worker() -> Iterator[Callable[[int], None]]:
    """Return what freezes a worker process as a debugger or a full machine would."""
    yield lambda pid: os.kill(pid, signal.SIGSTOP)
