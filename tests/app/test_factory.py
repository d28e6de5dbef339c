"""The composition root builds everything and starts nothing."""

import json
import os
import socket
import sqlite3
import threading
from pathlib import Path

import psycopg
import pytest

from app.core.balance_notification_service import BalanceNotificationService as Aware
from app.core.BalanceNotificationService import BalanceNotificationService as ById
from app.settings import Settings
from flags.stage import Stage
from tests.application import Build, Built


def refuse(*_: object, **__: object) -> None:
    """Stand where something would be opened."""
    raise AssertionError("the factory opened something")


@pytest.mark.parametrize("database_url", ["sqlite:///app.db", "postgresql://nobody@192.0.2.1/db"])
def test_building_starts_no_thread_and_opens_nothing(
    database_url: str, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither thread, network, database nor file: all of that waits for the worker."""
    before = set(threading.enumerate())
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(sqlite3, "connect", refuse)
    monkeypatch.setattr(psycopg.Connection, "connect", refuse)
    built = build(database_url=database_url, schedulers=True)
    assert set(threading.enumerate()) == before
    assert list(tmp_path.iterdir()) == []
    assert not built.parts.runtime.started


def test_an_application_that_was_not_started_serves_nobody_new(build: Build) -> None:
    """Before it has read latch and flags it is held on legacy, and says so."""
    built = build()
    assert built.parts.stage() is Stage.ROLLED_BACK
    assert built.parts.describe_user(7)["side"] == "legacy"


def test_both_historic_paths_lead_to_the_application_that_was_built_last(build: Build) -> None:
    """The facade of both paths is installed, over one migration."""
    first, second = build(), build()
    for facade in (Aware, ById):
        assert facade.get_instance()._migration is second.parts.migration
    assert first.parts.migration is not second.parts.migration


def test_the_integration_has_the_managers_hook(build: Build) -> None:
    """The last installer of the one slot wins: the hook leads to the facade, not to legacy."""
    built = build()
    hook = built.parts.manager.on_balance_update
    assert hook is not None
    tally = next(t for path, t in built.parts.migration.tallies.items() if "user" in path)
    hook(7)
    assert tally.snapshot()["legacy"] == 1


def test_starting_makes_what_is_missing_and_stopping_leaves_no_thread(
    build: Build, settings: Settings, seeded: bytes
) -> None:
    """A started application has its flags, its worker's file and its threads; then none."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    before = set(threading.enumerate())
    built = build(schedulers=True)
    built.parts.runtime.start()
    assert settings.flag_file.exists()
    assert len(list(settings.run_path.glob("worker-*.json"))) == 1
    assert {"control", "shadow", "shadow-log", "legacy-timers", "canonical-timers"} <= {
        thread.name for thread in threading.enumerate()
    }
    built.parts.runtime.stop()
    assert list(settings.run_path.glob("worker-*.json")) == []
    assert set(threading.enumerate()) == before


def test_commands_need_no_started_application(build: Build) -> None:
    """The command line reads the files, and starts nothing for it."""
    built = build()
    result = built.run("rollout", "status")
    assert result.exit_code == 0, result.output
    assert "workers    none is running" in result.output
    assert not built.parts.runtime.started


def test_a_worker_answers_why_from_its_memory(running: Built) -> None:
    """The question of the command line reaches the very routing table that serves."""
    result = running.run("rollout", "why", "10", "--json")
    assert result.exit_code == 0, result.output
    (answer,) = json.loads(result.stdout)["workers"].values()
    assert answer == running.parts.describe_user(10)


def test_a_worker_refuses_a_question_that_it_does_not_know(running: Built) -> None:
    """Some other question is answered with what can be asked."""
    pid = os.getpid()
    answers = running.parts.questions.ask("when", {}, pids=[pid], timeout=10)
    assert answers[pid]["error"] == (
        "ValueError: 'when' is not a question that a worker knows: ask 'why'"
    )
