"""Alive or dead, ready, degraded or dead: each cause has its words and its status."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.database import Database
from app.settings import Settings
from flags.embedded import first_body
from tests.application import Build, Built, until
from tests.patience import patient
from tests.servers import PostgresServer


def readiness(built: Built) -> tuple[int, str, str]:
    """Return code, status and all problems of `/readyz`."""
    code, body = built.get("/readyz")
    return code, body["status"], "\n".join(body["problems"])


def test_a_started_worker_is_alive_and_ready(running: Built) -> None:
    """Nothing is amiss: 200 both, no problem, and the stage."""
    assert running.get("/healthz") == (200, {"status": "alive"})
    assert running.get("/readyz") == (200, {"status": "ready", "problems": [], "stage": "off"})


def test_a_worker_that_was_not_started_is_alive_and_gets_no_traffic(build: Build) -> None:
    """Restarting would not mend it, serving would be wrong; it says what was left out."""
    built = build()
    assert built.get("/healthz")[0] == 200
    code, status, problems = readiness(built)
    assert (code, status) == (503, "dead")
    assert "not started after its fork" in problems
    assert "no flags were loaded: nobody has looked for them yet" in problems


def test_a_bus_that_is_away_degrades_a_worker_and_no_more(
    build: Build, settings: Settings, seeded: bytes
) -> None:
    """It still serves its own browsers, and the sweep the others'; the address stays secret."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    socket = settings.instance_path / "no-redis"
    built = build(notify_bus_url=f"unix://{socket}", secret_key="0123456789abcdef" * 2)
    built.parts.runtime.start()
    until(lambda: "the bus: listening fails" in readiness(built)[2])
    code, status, problems = readiness(built)
    assert (code, status) == (200, "degraded")
    assert "the kill switch in Redis cannot be read" in problems
    assert str(socket) not in problems


def test_a_worker_whose_control_thread_ended_is_dead(
    running: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would follow no rollback: it is to be restarted, and gets no traffic until then."""
    ended = threading.Thread()
    monkeypatch.setattr(running.parts.runtime.control, "_thread", ended, raising=True)
    code, body = running.get("/healthz")
    assert (code, body["status"]) == (503, "dead")
    assert "restart this worker" in body["problem"]
    assert readiness(running)[:2] == (503, "dead")


@pytest.mark.timeout(60)
def test_a_control_thread_that_hangs_is_told_by_the_workers_own_heartbeat(
    running: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs and follows nothing: no traffic after two seconds, a restart after ten, said why."""
    control = running.parts.runtime.control
    clock, hanging, go_on = [0.0], threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        go_on.wait(60)

    monkeypatch.setattr(control, "_monotonic", lambda: clock[0])
    monkeypatch.setattr(control, "_beat_at", 0.0)
    monkeypatch.setattr(control, "_watch", hang)
    assert hanging.wait(60)
    beat = control._beat_at
    try:
        clock[0] = beat + 1.5
        assert readiness(running)[0] == 200
        clock[0] = beat + 2.5
        code, status, problems = readiness(running)
        assert (code, status) == (503, "dead")
        assert "no sign of life for 2 s" in problems
        assert "since it began looking at the other files of the instance folder" in problems
        assert running.get("/healthz")[0] == 200
        clock[0] = beat + 10.5
        code, body = running.get("/healthz")
        assert (code, body["status"]) == (503, "dead")
    finally:
        monkeypatch.setattr(control, "_watch", lambda: None)
        go_on.set()
    until(lambda: readiness(running)[0] == 200)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["flags.json", "latch.json", "known.json", "rollback"])
def test_a_pipe_in_the_place_of_a_file_stops_no_worker(
    running: Built, settings: Settings, name: str
) -> None:
    """Nobody writes into it: the control thread goes on, and a rollback is followed."""
    path = settings.instance_path / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    if name in ("flags.json", "latch.json"):
        until(lambda: f"{name} is a pipe, not a regular file" in readiness(running)[2])
    running.parts.kill_switch.engage(who="ann", why="a test")
    until(lambda: running.parts.stage() == "rolled_back")
    assert running.get("/healthz")[0] == 200


def test_known_divergences_that_cannot_be_used_degrade(running: Built, settings: Settings) -> None:
    """The last good ones hold; the answer says which file is wrong until it is put right."""
    path = settings.instance_path / "known.json"
    path.write_text('{"known":[')
    until(lambda: readiness(running)[1] == "degraded")
    code, _, problems = readiness(running)
    assert code == 200
    assert "balance-notifications: the known divergences in known.json cannot be used" in problems
    path.unlink()
    until(lambda: readiness(running)[1] == "ready")


def test_a_worker_without_flags_serves_legacy_and_says_so(
    build: Build, settings: Settings, seeded: bytes
) -> None:
    """A start without flags serves what production serves today: degraded, not dead."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    settings.flag_file.write_text("<html>")
    built = build()
    built.parts.runtime.start()
    code, status, problems = readiness(built)
    assert (code, status) == (200, "degraded")
    assert problems.startswith(f"no flags were loaded: the flag file {settings.flag_file.name}")
    assert "; legacy serves everybody" in problems
    settings.flag_file.write_text(first_body())
    until(lambda: readiness(built)[1] == "ready")


def test_a_bad_flag_file_after_a_good_one_degrades(running: Built, settings: Settings) -> None:
    """The last good flags go on; the answer says so until the file is good again."""
    settings.flag_file.write_text('{"version":2,"features":[')
    until(lambda: readiness(running)[1] == "degraded")
    code, _, problems = readiness(running)
    assert code == 200
    assert problems.startswith("the flags are the last good ones: the flag file")
    settings.flag_file.write_text(first_body())
    until(lambda: readiness(running)[1] == "ready")


def test_a_corrupt_latch_degrades(running: Built, settings: Settings) -> None:
    """The last good latch holds, and the answer says how to write it anew."""
    settings.latch_file.write_text("garbage")
    until(lambda: readiness(running)[1] == "degraded")
    code, _, problems = readiness(running)
    assert code == 200
    assert problems.startswith("kill switch: ")
    assert "flask rollout rollback" in problems
    assert running.run("rollout", "rollback").exit_code == 0
    until(lambda: readiness(running)[1] == "ready")


def without(path: Path) -> None:
    """Take the database away."""
    path.unlink()


def without_tables(path: Path) -> None:
    """Leave an empty database."""
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    """Put something else in its place."""
    path.write_bytes(b"no database" * 100)


@pytest.mark.parametrize("damage", [without, without_tables, garbage])
def test_without_a_database_a_worker_gets_no_traffic(
    damage: Callable[[Path], None], running: Built, settings: Settings
) -> None:
    """A database that is not there, has no tables or is none: 503, and still alive."""
    damage(settings.instance_path / "app.db")
    code, status, problems = readiness(running)
    assert (code, status) == (503, "dead")
    assert "app.db cannot be used" in problems
    assert running.get("/healthz")[0] == 200


def test_a_read_only_database_degrades(running: Built, settings: Settings) -> None:
    """Balances can still be shown: 200, and what to do about it."""
    path = settings.instance_path / "app.db"
    content = bytearray(path.read_bytes())
    content[18] = 3  # a write version of the future: SQLite may only read, whoever asks
    path.write_bytes(content)
    code, status, problems = readiness(running)
    assert (code, status) == (200, "degraded")
    assert "is read-only" in problems
    assert "right to write" in problems


def test_a_locked_database_degrades(running: Built, settings: Settings) -> None:
    """Somebody holds the write lock: 200, named, and ready once it is free."""
    other = sqlite3.connect(settings.instance_path / "app.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    code, status, problems = readiness(running)
    other.execute("ROLLBACK")
    other.close()
    assert (code, status) == (200, "degraded")
    assert "is locked" in problems
    until(lambda: readiness(running)[1] == "ready")  # also for those who waited for the lock


def test_a_stuck_shadow_degrades(running: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is verified any more, and everybody is served: 200, and it is said."""
    executor = running.parts.shadowing.executor
    monkeypatch.setattr(type(executor), "state", property(lambda _: "stuck"))
    code, status, problems = readiness(running)
    assert (code, status) == (200, "degraded")
    assert "balance-notifications: shadows are stuck" in problems
    assert "farming-income: shadows are stuck" in problems


def test_a_worker_file_that_cannot_be_written_degrades(running: Built, settings: Settings) -> None:
    """A rollback cannot be confirmed by this worker: it is said until it can again."""
    for file in settings.run_path.iterdir():
        file.unlink()
    settings.run_path.rmdir()
    settings.run_path.touch()
    until(lambda: "the worker's file: " in readiness(running)[2])
    assert readiness(running)[:2] == (200, "degraded")
    settings.run_path.unlink()
    until(lambda: readiness(running)[1] == "ready")


@pytest.mark.postgres
def test_a_postgresql_that_hangs_is_said_in_time_and_keeps_no_rollback_waiting(
    own_postgres: PostgresServer,
    build: Build,
    tmp_path: Path,
) -> None:
    """It takes connections and answers nothing: 503 at once, and the kill switch is followed."""
    url = own_postgres.url(own_postgres.create_database())
    maker = Database(url, instance_path=tmp_path)
    maker.upgrade()
    maker.dispose()
    built = build(database_url=url)
    built.parts.runtime.start()
    until(lambda: readiness(built)[1] == "ready")
    own_postgres.freeze()
    try:
        for _ in range(2):  # the first finds a connection that hangs, the second the first
            began = time.monotonic()
            code, status, problems = readiness(built)
            assert time.monotonic() - began < patient(3)
            assert (code, status) == (503, "dead")
            assert "has not answered within 1.2 s: see whether it hangs" in problems
        (built.parts.settings.instance_path / "rollback").touch()
        until(lambda: built.parts.stage() == "rolled_back")
    finally:
        own_postgres.thaw()
    until(lambda: readiness(built)[0] == 200)
