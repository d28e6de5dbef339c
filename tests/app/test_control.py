"""The control thread: nothing stops it from following, and its file says only what is so."""

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.runtime import Control
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch import Latch
from flags.latch_file import FileLatchStore
from flags.provider import StaticProvider
from flags.workers import WorkerFiles, WorkerRecord
from tests.application import until


class MigrationDouble:
    """Notes each flip; `during` runs within one."""

    def __init__(self) -> None:
        self.applied: list[tuple[int, bool]] = []
        self.during: Callable[[], None] = lambda: None

    def apply(self, flags: Any, latch: Any) -> None:
        """Note percentage and latch."""
        self.during()
        definition = flags.definition(CANONICAL_FLAG)
        self.applied.append((definition.percentage if definition else -1, latch.engaged))


class Workbench:
    """A control with real latch and worker files, a migration that notes, and a set clock."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.store = FileLatchStore(folder / "latch.json")
        self.provider = StaticProvider({CANONICAL_FLAG: 10, SHADOW_FLAG: 0})
        self.migration = MigrationDouble()
        self.run_path = folder / "run"
        self.counted: list[float] = []
        self.answer: Callable[[], None] = lambda: None
        self.watch: Callable[[], None] = lambda: None
        self.flips: list[Any] = []
        self.control = Control(
            kill_switch=KillSwitch([self.store]),
            provider=self.provider,
            migration=self.migration,  # type: ignore[arg-type]
            workers=WorkerFiles(self.run_path),
            answer=lambda: self.answer(),  # noqa: PLW0108 - tests replace it
            watch=lambda: self.watch(),  # noqa: PLW0108 - tests replace it
            count=lambda: self.counted.append(self.now),
            flipped=lambda: self.flips.append(self.file),
            now=lambda: self.now,
        )

    def engage(self) -> None:
        """Roll back, as another process does."""
        KillSwitch([self.store]).engage(who="ann", why="a test")

    def put(self, percentage: int) -> None:
        """Set the percentage at the source."""
        self.provider.put({CANONICAL_FLAG: percentage, SHADOW_FLAG: 0})

    @property
    def file(self) -> dict[str, Any] | None:
        """What the worker's file says, None without one."""
        path = self.run_path / f"worker-{os.getpid()}.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Return a control that was not started; tests turn it by hand."""
    return Workbench(tmp_path)


def test_the_workers_file_is_written_only_after_the_flip(bench: Workbench) -> None:
    """While a flip is under way the file still says what was before; then it says when."""
    bench.control.turn()
    bench.engage()
    bench.put(50)
    seen: list[Any] = []
    bench.migration.during = lambda: seen.append(bench.file)
    bench.now = 1005.0
    bench.control.turn()
    before, after = seen[0], bench.file
    assert (before["epoch"], before["revision"], before["epoch_applied_at"]) == (0, 1, 1000.0)
    assert (after["epoch"], after["revision"], after["epoch_applied_at"]) == (1, 2, 1005.0)
    assert bench.migration.applied == [(10, False), (50, True)]


def test_a_flip_is_told_once_it_was_applied_and_said(bench: Workbench) -> None:
    """Each one once; what held at the start is no flip, and a turn without a change none."""
    bench.control.turn()
    bench.control.turn()
    assert bench.flips == []
    bench.put(50)
    bench.control.turn()
    bench.control.turn()
    assert [told["revision"] for told in bench.flips] == [2]
    bench.engage()
    bench.control.turn()
    assert [told["epoch"] for told in bench.flips] == [0, 1]


def test_what_cannot_be_looked_at_keeps_no_rollback_from_being_followed(bench: Workbench) -> None:
    """It is raised, thus said, and the flip was made all the same."""

    def fail() -> None:
        raise PermissionError("no")

    bench.control.turn()
    bench.watch = fail
    bench.engage()
    with pytest.raises(PermissionError):
        bench.control.turn()
    assert bench.migration.applied[-1] == (10, True)


def test_nothing_is_said_before_the_first_flip_was_applied(bench: Workbench) -> None:
    """A worker that could not even begin has no file that a rollback might believe."""

    def fail() -> None:
        raise RuntimeError("no")

    bench.migration.during = fail
    with pytest.raises(RuntimeError):
        bench.control.turn()
    assert bench.file is None


def test_a_flip_that_failed_is_tried_again(bench: Workbench) -> None:
    """The file keeps the old epoch until the flip has really been applied."""
    bench.control.turn()
    bench.engage()

    def fail() -> None:
        raise RuntimeError("the canonical does not let go")

    bench.migration.during = fail
    for _ in range(2):
        with pytest.raises(RuntimeError):
            bench.control.turn()
    assert bench.file is not None
    assert bench.file["epoch"] == 0
    bench.migration.during = lambda: None
    bench.control.turn()
    assert bench.file["epoch"] == 1
    assert bench.migration.applied[-1] == (10, True)


def test_each_change_alone_is_applied_with_its_own_time(bench: Workbench) -> None:
    """A change of the latch does not make the flags newer, nor the other way round."""
    bench.control.turn()
    bench.now = 1001.0
    bench.engage()
    bench.control.turn()
    bench.now = 1002.0
    bench.put(20)
    bench.control.turn()
    file = bench.file
    assert file is not None
    assert (file["epoch"], file["epoch_applied_at"]) == (1, 1001.0)
    assert (file["revision"], file["revision_applied_at"]) == (2, 1002.0)


def test_the_same_revision_of_other_flags_is_applied_anew(bench: Workbench) -> None:
    """A flag file that was made anew counts from the start: its time is new, if not its number."""
    bench.control.turn()
    bench.now = 1003.0
    other = StaticProvider({CANONICAL_FLAG: 70, SHADOW_FLAG: 0})
    other.start()
    bench.provider._next = other.state
    bench.control.turn()
    file = bench.file
    assert file is not None
    assert (file["revision"], file["revision_applied_at"]) == (1, 1003.0)
    assert bench.migration.applied[-1] == (70, False)


def test_the_same_epoch_with_another_latch_is_applied_anew(bench: Workbench) -> None:
    """Released and rolled back under one number: the file says when the rollback was applied."""
    bench.store.put(Latch(3, False, "bob", datetime(2026, 1, 1, tzinfo=UTC), "resumed"))
    bench.control.turn()
    bench.now = 1002.0
    bench.store.put(Latch(3, True, "ann", datetime(2026, 1, 1, tzinfo=UTC), "a fault"))
    bench.control.turn()
    assert bench.file is not None
    assert (bench.file["epoch"], bench.file["epoch_applied_at"]) == (3, 1002.0)
    assert bench.migration.applied == [(10, False), (10, True)]


def test_stale_flags_are_not_newly_applied(bench: Workbench) -> None:
    """The last good flags, gone stale, must not confirm a change that came later."""
    bench.control.turn()
    bench.now = 1004.0
    bench.provider._next = bench.provider.state.as_stale()
    bench.control.turn()
    file = bench.file
    assert file is not None
    assert (file["revision"], file["revision_applied_at"]) == (1, 1000.0)
    assert len(bench.migration.applied) == 2


def test_what_is_followed_of_a_body_is_new_although_the_rest_waits(bench: Workbench) -> None:
    """Flags that say something else were applied when they were, stale or not."""
    bench.control.turn()
    bench.now = 1004.0
    bench.put(11)
    assert bench.provider._next is not None
    bench.provider._next = replace(bench.provider._next, revision=1, stale=True)
    bench.control.turn()
    assert bench.file is not None
    assert (bench.file["revision"], bench.file["revision_applied_at"]) == (1, 1004.0)


def test_a_worker_that_is_at_rest_keeps_its_heartbeat(bench: Workbench) -> None:
    """Half a second apart; nothing is flipped for it."""
    bench.control.turn()
    heartbeats = []
    for tick in range(20):
        bench.now = 1000.0 + tick / 10
        bench.control.turn()
        assert bench.file is not None
        heartbeats.append(bench.file["heartbeat"])
    assert sorted(set(heartbeats)) == [1000.0, 1000.5, 1001.0, 1001.5]
    assert len(bench.migration.applied) == 1


def test_the_counts_are_written_every_ten_seconds(bench: Workbench) -> None:
    """The log has fresh denominators however little happens."""
    for second in range(31):
        bench.now = 1000.0 + second
        bench.control.turn()
    assert bench.counted == [1000.0, 1010.0, 1020.0, 1030.0]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps_keeps_neither_heartbeat_nor_counts_waiting(
    bench: Workbench, jump: float
) -> None:
    """Set back by an hour, both go on at once instead of after an hour."""
    bench.control.turn()
    bench.now += jump
    bench.control.turn()
    assert bench.counted == [1000.0, 1000.0 + jump]
    assert bench.file is not None
    assert bench.file["heartbeat"] == 1000.0 + jump


def test_problems_are_in_the_workers_file_and_what_is_watched_is_looked_at(
    bench: Workbench,
) -> None:
    """At each turn the one, with the next heartbeat the other."""
    looks: list[float] = []
    bench.control._watch = lambda: looks.append(bench.now)
    bench.control._problems_besides = lambda: ["nothing was compared"]
    for _ in range(3):
        bench.control.turn()
    assert len(looks) == 3
    assert bench.file is not None
    assert bench.file["problems"] == ["nothing was compared"]


def test_a_turn_that_raises_keeps_the_thread_alive_and_is_logged_once(bench: Workbench) -> None:
    """Fifty failures a second are one line, flips are followed meanwhile, and it clears."""
    turns: list[int] = []

    def fail() -> None:
        turns.append(1)
        raise RuntimeError("no answer")

    bench.answer = fail
    with capture_logs() as lines:
        bench.control.start()
        until(lambda: len(turns) >= 3)
        assert bench.control.alive
        assert bench.control.problems == ("control: RuntimeError: no answer",)
        bench.engage()
        until(lambda: bench.file is not None and bench.file["epoch"] == 1)
        bench.answer = lambda: None
        until(lambda: bench.control.problems == ())
        bench.control.stop()
    assert [line["event"] for line in lines].count("control_failed") == 1
    assert not bench.control.alive
    assert bench.file is None


def test_a_control_can_be_started_again(bench: Workbench) -> None:
    """After a stop the file is gone; a new start says what holds then."""
    for percentage in (30, 30):
        bench.put(percentage)
        bench.control.start()
        assert bench.file is not None
        bench.control.stop()
        assert bench.file is None


def test_a_worker_file_that_cannot_be_written_is_reported_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The full disk is one line, not two a second; flips are followed all the same."""

    def full(_self: WorkerFiles, _record: WorkerRecord) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(WorkerFiles, "write", full)
        for tick in range(5):
            bench.now = 1000.0 + tick
            bench.control.turn()
        bench.engage()
        bench.control.turn()
    assert bench.migration.applied[-1] == (10, True)
    assert [line["event"] for line in lines].count("control_failed") == 1
    assert bench.control.problems == (
        "the worker's file: OSError: [Errno 28] No space left on device",
    )
    bench.now = 1010.0
    bench.control.turn()
    assert bench.control.problems == ()


def test_starting_applies_what_holds_before_it_returns(bench: Workbench) -> None:
    """A worker that takes its first request follows a latch that was engaged before it."""
    bench.engage()
    thread = threading.current_thread()
    flipped_by: list[threading.Thread] = []
    bench.migration.during = lambda: flipped_by.append(threading.current_thread())
    bench.control.start()
    assert bench.migration.applied[0] == (10, True)
    assert flipped_by[0] is thread
    bench.control.stop()
