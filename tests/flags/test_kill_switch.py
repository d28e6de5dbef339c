"""The kill switch: sticky, durable, the same for every process, and never off by accident."""

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flags.files import locked
from flags.kill_switch import KillSwitch
from flags.latch import (
    MOST_EPOCH,
    NEVER_ENGAGED,
    Latch,
    LatchStoreError,
    Placed,
    latch_from_text,
    latch_to_text,
)
from flags.latch_file import FileLatchStore

MOMENT = datetime(2000, 1, 1, tzinfo=UTC)


def latch(epoch: int, *, engaged: bool, who: str = "ann") -> Latch:
    """Return a latch of the given rank."""
    return Latch(epoch, engaged, who, MOMENT, "because")


class MemoryStore:
    """A store whose content and failures the test decides."""

    def __init__(self, content: Latch | None = None) -> None:
        self.name = "memory"
        self.content = content
        self.failure: str | None = None
        self.before_put = lambda: None

    def read(self) -> Latch | None:
        """Return the content, or fail."""
        if self.failure:
            raise LatchStoreError(self.failure)
        return self.content

    def put(self, latch: Latch) -> Placed:
        """Keep the higher one, or fail."""
        if self.failure:
            raise LatchStoreError(self.failure)
        self.before_put()
        if latch.outranks(self.content):
            self.content = latch
        assert self.content is not None
        return Placed(self.content, 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a kill switch that was never used, in a folder not there yet."""
    return tmp_path / "instance" / "latch.json"


def switch_on(path: Path) -> KillSwitch:
    """Return a kill switch as a freshly started process has it."""
    switch = KillSwitch([FileLatchStore(path)])
    switch.poll()
    return switch


def test_before_it_was_read_it_is_engaged() -> None:
    """Nobody is moved by a process that has not looked yet."""
    assert KillSwitch([MemoryStore()]).latch.engaged


def test_empty_stores_mean_that_it_was_never_engaged(path: Path) -> None:
    """A missing file says nothing, and on a new machine that means: go on."""
    assert switch_on(path).latch == NEVER_ENGAGED
    assert not path.exists()


def test_it_survives_a_restart_with_who_when_and_why(path: Path) -> None:
    """A process that starts later knows all that the one that engaged it knew."""
    engaged = switch_on(path).engage(who="ann", why="the guard said so")
    assert (engaged.epoch, engaged.engaged, engaged.who) == (1, True, "ann")
    assert switch_on(path).latch == engaged


def test_every_process_sees_a_change_at_its_next_look(path: Path) -> None:
    """Engaged and released reach another process by one poll each, and only once."""
    here, there = switch_on(path), switch_on(path)
    here.engage(who="ann", why="drill")
    assert (there.poll(), there.latch.engaged) == (True, True)
    here.release(who="ann", why="over")
    assert (there.poll(), there.latch.engaged, there.latch.epoch) == (True, False, 2)
    assert not there.poll()


def test_each_change_has_an_epoch_of_its_own(path: Path) -> None:
    """Engaging what is engaged still counts, so that workers can confirm it anew."""
    switch = switch_on(path)
    epochs = [switch.engage(who="ann", why="drill").epoch for _ in range(3)]
    assert epochs == [1, 2, 3]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans()).map(lambda it: latch(it[0], engaged=it[1])),
        min_size=1,
        max_size=3,
    )
)
def test_the_order_in_which_stores_are_read_does_not_matter(latches: list[Latch]) -> None:
    """The highest epoch wins, at equal epochs the engaged one, and all stores end with it."""
    winner = max(latches, key=lambda each: (each.epoch, each.engaged))
    for order in permutations(latches):
        stores = [MemoryStore(each) for each in order] + [MemoryStore()]
        switch = KillSwitch(stores)
        switch.poll()
        assert switch.latch == winner
        assert {store.content for store in stores} == {winner}


def test_a_store_that_was_away_is_brought_up_to_date() -> None:
    """An engaged latch reaches a store that could not be reached when it was engaged."""
    near, far = MemoryStore(), MemoryStore(latch(1, engaged=False))
    far.failure = "far is away"
    switch = KillSwitch([near, far])
    switch.engage(who="ann", why="drill")
    far.failure = None
    switch.poll()
    assert far.content == near.content == switch.latch
    assert switch.problems == ()


def test_a_file_that_is_lost_is_written_again(path: Path) -> None:
    """Deleting the file releases nothing: a running process puts it back."""
    switch = switch_on(path)
    engaged = switch.engage(who="ann", why="drill")
    path.unlink()
    assert not switch.poll()
    assert switch_on(path).latch == engaged


def test_an_older_file_does_not_turn_time_back(path: Path) -> None:
    """A file put back from a copy has a lower epoch, so it loses and is corrected."""
    switch = switch_on(path)
    switch.release(who="ann", why="begin")
    older = path.read_text()
    engaged = switch.engage(who="ann", why="drill")
    path.write_text(older)
    switch.poll()
    assert switch.latch == switch_on(path).latch == engaged


UNREADABLE = {
    "empty": "",
    "half written": latch_to_text(latch(4, engaged=False))[:30],
    "html": "<html>",
    "a list": "[]",
    "engaged a text": latch_to_text(latch(4, engaged=False)).replace("false", '"false"'),
    "epoch a text": latch_to_text(latch(4, engaged=False)).replace("4", '"4"', 1),
    "epoch below zero": latch_to_text(latch(4, engaged=False)).replace("4", "-4", 1),
    "a time without a zone": latch_to_text(latch(4, engaged=False)).replace("+00:00", ""),
    "not text": "\udcff",
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_changes_nothing(path: Path, case: str) -> None:
    """The last good latch stays, and the log says once what is wrong and what to do."""
    switch = switch_on(path)
    released = switch.release(who="ann", why="begin")
    path.write_text(UNREADABLE[case], errors="surrogateescape")
    with capture_logs() as logs:
        assert [switch.poll() for _ in range(3)] == [False, False, False]
    assert switch.latch == released
    assert [entry["event"] for entry in logs] == ["latch_store_failed"]
    assert f"{path} cannot be read" in logs[0]["problem"]
    assert "flask rollout rollback" in logs[0]["problem"]


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_at_the_start_means_engaged(path: Path, case: str) -> None:
    """A process that knows nothing better keeps everybody on legacy and says why."""
    path.parent.mkdir()
    path.write_text(UNREADABLE[case], errors="surrogateescape")
    switch = switch_on(path)
    assert switch.latch.engaged
    assert f"{path} cannot be read" in switch.latch.why
    assert not switch.poll()


def test_a_folder_in_the_files_place_means_engaged(path: Path) -> None:
    """Whatever keeps the file from being read, it is never taken for empty."""
    path.mkdir(parents=True)
    assert switch_on(path).latch.engaged


def test_writing_over_a_broken_file_beats_the_epoch_it_may_have_held(path: Path) -> None:
    """A rollback from a new process wins over what running ones remember."""
    worker = switch_on(path)
    for _ in range(5):
        worker.release(who="ann", why="count up")
    path.write_text("{")
    engaged = switch_on(path).engage(who="bob", why="emergency")
    assert worker.poll()
    assert worker.latch == engaged


def test_a_rollback_that_crosses_a_resume_ends_engaged() -> None:
    """Somebody resumes between our look and our write: the rollback still holds."""
    store = MemoryStore(latch(1, engaged=True))
    switch = KillSwitch([store])

    def resume_first() -> None:
        store.before_put = lambda: None
        store.content = latch(9, engaged=False)

    store.before_put = resume_first
    assert switch.engage(who="bob", why="emergency").engaged
    assert store.content == switch.latch
    assert switch.latch.epoch == 10


def test_a_resume_that_crosses_a_rollback_is_told_that_it_lost() -> None:
    """At equal epochs engaged wins, and what `release` returns says so."""
    store = MemoryStore(latch(1, engaged=True))
    switch = KillSwitch([store])
    store.before_put = lambda: setattr(store, "content", latch(2, engaged=True, who="bob"))
    assert switch.release(who="ann", why="over").who == "bob"
    assert switch.latch.engaged


def test_when_no_store_takes_it_this_process_is_on_legacy_all_the_same() -> None:
    """Engaging never waits for a disk; that others cannot know is raised."""
    store = MemoryStore(latch(1, engaged=False))
    switch = KillSwitch([store])
    switch.poll()
    store.failure = "the disk is full"
    with pytest.raises(LatchStoreError, match="the disk is full"):
        switch.engage(who="ann", why="drill")
    assert switch.latch.engaged
    store.failure = None
    switch.poll()
    assert store.content == switch.latch


def test_when_no_store_takes_it_nothing_is_released() -> None:
    """Nobody is moved on by a release that would be forgotten."""
    store = MemoryStore(latch(1, engaged=True))
    switch = KillSwitch([store])
    switch.poll()
    store.failure = "the disk is full"
    with pytest.raises(LatchStoreError, match="the disk is full"):
        switch.release(who="ann", why="over")
    assert switch.latch == latch(1, engaged=True)


def test_a_file_that_cannot_be_written_is_named(path: Path) -> None:
    """The error names the file, the system's reason and what to look at."""
    path.mkdir(parents=True)
    with pytest.raises(LatchStoreError, match=r"cannot be written.*permissions and free space"):
        FileLatchStore(path).put(latch(1, engaged=True))


def test_a_writer_that_hangs_does_not_hold_up_a_rollback(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the lock held by somebody who never lets go, the latch is set all the same."""
    monkeypatch.setattr("flags.latch_file.LOCK_TIMEOUT_S", 0.01)
    switch = switch_on(path)
    with locked(path):
        switch.engage(who="ann", why="emergency")
    assert switch_on(path).latch.engaged


def test_the_moment_of_the_rename_is_known(path: Path) -> None:
    """What is measured from is when others could first see the file."""
    switch = switch_on(path)
    switch.engage(who="ann", why="drill")
    assert switch.placed_at == pytest.approx(path.stat().st_mtime, abs=0.5)


def test_readers_never_see_half_a_latch(path: Path) -> None:
    """While one thread writes a hundred epochs, another reads whole latches only."""
    switch, store = switch_on(path), FileLatchStore(path)
    switch.engage(who="ann", why="x" * 10_000)
    done = threading.Event()

    def write() -> None:
        for _ in range(100):
            switch.engage(who="ann", why="x" * 10_000)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    epochs = []
    while not done.is_set():
        reading = store.read()
        assert reading is not None
        epochs.append(reading.epoch)
    writer.join()
    assert epochs == sorted(epochs)


WRITER = """
import sys
from pathlib import Path
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
switch = KillSwitch([FileLatchStore(Path(sys.argv[1]))])
for number in range(25):
    act = switch.release if number % 2 else switch.engage
    act(who=sys.argv[2], why=str(number))
final = switch.engage(who=sys.argv[2], why="the last word")
print(final.epoch)
"""


def test_processes_that_write_at_once_end_with_one_engaged_latch(path: Path) -> None:
    """Four processes engage and release as fast as they can; the last word holds for all."""
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"writer-{number}"],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    outputs = [writer.communicate(timeout=240)[0].splitlines() for writer in writers]
    last_epochs = [int(lines[-1]) for lines in outputs]
    final = switch_on(path).latch
    assert final.engaged
    assert final.epoch == max(last_epochs)
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, f"{path.name}.lock"}
    assert json.loads(path.read_text())["epoch"] == final.epoch


@settings(deadline=None)
@given(
    st.builds(
        Latch,
        epoch=st.integers(0, MOST_EPOCH),
        engaged=st.booleans(),
        who=st.text(),
        when=st.datetimes(timezones=st.just(UTC)),
        why=st.text(),
    )
)
def test_a_latch_comes_back_from_text_as_it_was(original: Latch) -> None:
    """Whatever people type for who and why, the file holds it."""
    assert latch_from_text(latch_to_text(original)) == original
