"""A file in the instance folder that rolls back: no command line, no server."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from structlog.testing import capture_logs

from app.rollback_file import RollbackFile
from flags.files import locked
from flags.history import FileHistory
from flags.kill_switch import KillSwitch
from flags.latch import Latch, LatchStoreError, Placed
from flags.latch_file import FileLatchStore
from tests.patience import patient


class Case:
    """A rollback file with a real kill switch and a real history."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rollback"
        self.switch = KillSwitch([FileLatchStore(folder / "latch.json")])
        self.switch.poll()
        self.history = FileHistory(folder / "history.jsonl")
        self.file = RollbackFile(self.path, kill_switch=self.switch, history=self.history)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Return a case in which nothing was rolled back."""
    return Case(tmp_path)


def test_without_the_file_nothing_happens(case: Case) -> None:
    """Looking is all that a poll does."""
    case.file.poll()
    assert not case.switch.latch.engaged
    assert case.history.read().entries == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file rollback was made"),
        ("balances\n stand still\n", "balances stand still"),
        ("x" * 500, "x" * 200),
    ],
)
def test_the_file_rolls_back_with_its_text_as_the_reason(case: Case, text: str, why: str) -> None:
    """It is taken away, and the history says who and why."""
    case.path.write_text(text)
    case.file.poll()
    case.file.poll()
    latch = case.switch.latch
    assert (latch.engaged, latch.who, latch.why) == (True, "a file", why)
    assert not case.path.exists()
    [entry] = case.history.read().entries
    assert (entry.who, entry.what, entry.why) == ("a file", "rollback", why)
    assert (entry.before, entry.after) == ("epoch 0", "epoch 1")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["pipe", "large", "foreign", "nowhere"])
def test_whatever_was_made_in_the_place_of_the_file_rolls_back(
    case: Case, tmp_path: Path, kind: str
) -> None:
    """It is neither waited for, nor read whole, nor quoted; what a link leads to stays."""
    foreign = tmp_path / "foreign"
    foreign.write_text("root:secret")
    if kind == "pipe":
        os.mkfifo(case.path)
    elif kind == "large":
        with case.path.open("wb") as file:
            file.truncate(2**40)
    else:
        case.path.symlink_to(foreign if kind == "foreign" else tmp_path / "nowhere")
    case.file.poll()
    latch = case.switch.latch
    assert (latch.engaged, latch.who) == (True, "a file")
    assert "secret" not in latch.why
    assert len(latch.why) <= 200
    assert not os.path.lexists(case.path)
    assert foreign.read_text() == "root:secret"


def test_several_workers_make_one_rollback_of_it(case: Case, tmp_path: Path) -> None:
    """Whoever comes later finds the latch engaged, and adds nothing."""
    case.path.touch()
    case.file.poll()
    case.path.touch()
    mate = Case(tmp_path)
    mate.file.poll()
    assert mate.switch.latch == case.switch.latch
    assert not case.path.exists()
    for each in (case, mate):
        each.file.poll()
    assert len(case.history.read().entries) == 1


def test_workers_that_see_it_at_the_same_moment_make_one_rollback_of_it(tmp_path: Path) -> None:
    """One epoch and one line of history, whoever of them was first."""
    mates = [Case(tmp_path) for _ in range(6)]
    mates[0].path.touch()
    together = Barrier(len(mates))

    def look(mate: Case) -> None:
        together.wait()
        mate.file.poll()
        mate.file.poll()

    with ThreadPoolExecutor(len(mates)) as pool:
        list(pool.map(look, mates))
    assert not mates[0].path.exists()
    [entry] = mates[0].history.read().entries
    assert entry.after == "epoch 1"
    for mate in mates:
        mate.switch.poll()
        assert (mate.switch.latch.engaged, mate.switch.latch.epoch) == (True, 1)


class Stubborn:
    """A store that can be written only when it is told to."""

    name = "a stubborn store"

    def __init__(self) -> None:
        self.kept: Latch | None = None
        self.broken = self.unreadable = False

    def read(self) -> Latch | None:
        """Return what is kept."""
        if self.unreadable:
            raise LatchStoreError("it cannot be read")
        return self.kept

    def put(self, latch: Latch) -> Placed:
        """Keep it, or fail."""
        if self.broken:
            raise LatchStoreError("the disk is full")
        self.kept = latch
        return Placed(latch, 1.0)


def test_the_file_stays_until_a_store_holds_what_it_asked_for(tmp_path: Path) -> None:
    """This worker follows at once; a restart finds the file, and so does whoever comes later."""
    store = Stubborn()
    switch, path = KillSwitch([store]), tmp_path / "rollback"
    switch.poll()
    history = FileHistory(tmp_path / "history.jsonl")
    file = RollbackFile(path, kill_switch=switch, history=history)
    store.broken = True
    path.write_text("balances stand still")
    for _ in range(3):
        switch.poll()
        file.poll()
    assert (switch.latch.engaged, switch.latch.epoch, switch.kept) == (True, 1, False)
    assert path.exists()
    store.broken = False
    switch.poll()
    file.poll()
    assert not path.exists()
    assert store.kept == switch.latch
    assert [entry.why for entry in history.read().entries] == ["balances stand still"]


def test_the_file_is_followed_while_everybody_is_held_for_want_of_knowledge(
    tmp_path: Path,
) -> None:
    """Nobody asked for the hold, which ends by itself: a rollback that was asked for does not."""
    store = Stubborn()
    store.broken = store.unreadable = True
    switch, path = KillSwitch([store]), tmp_path / "rollback"
    switch.poll()
    assert switch.held
    path.touch()
    file = RollbackFile(path, kill_switch=switch, history=FileHistory(tmp_path / "history.jsonl"))
    for _ in range(3):
        file.poll()
        switch.poll()
    assert path.exists()
    store.broken = store.unreadable = False
    switch.poll()
    file.poll()
    assert not path.exists()
    assert (switch.latch.engaged, switch.latch.who, switch.held) == (True, "a file", False)


def test_a_history_that_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    """What was done is not forgotten because a disk was full at that moment."""
    case, clock = Case(tmp_path), [0.0]
    file = RollbackFile(
        case.path, kill_switch=case.switch, history=case.history, monotonic=lambda: clock[0]
    )
    case.path.touch()
    file.poll()
    (tmp_path / "history.jsonl").mkdir()
    file.poll()
    (tmp_path / "history.jsonl").rmdir()
    clock[0] = 5.0
    file.poll()
    assert [entry.who for entry in case.history.read().entries] == ["a file"]


def test_a_history_that_is_locked_keeps_no_rollback_waiting(case: Case) -> None:
    """The look that rolls back writes no history: the worker follows first."""
    case.path.touch()
    with locked(case.path.parent / "history.jsonl"):
        began = time.monotonic()
        case.file.poll()
        assert time.monotonic() - began < patient(2)  # the lock is waited for for five
    assert case.switch.latch.engaged
    case.file.poll()
    assert len(case.history.read().entries) == 1


def test_a_place_that_cannot_be_looked_at_raises_nothing(tmp_path: Path) -> None:
    """It is logged once: the thread that looks follows flags and kill switch as well."""
    case = Case(tmp_path)
    file = RollbackFile(tmp_path / ("x" * 300), kill_switch=case.switch, history=case.history)
    with capture_logs() as logs:
        for _ in range(3):
            file.poll()
    assert [entry["event"] for entry in logs] == ["rollback_file_failed"]


def test_a_file_that_cannot_be_taken_away_rolls_back_all_the_same(case: Case) -> None:
    """Nothing is raised, the problem is logged once, and it holds after a resume as well."""
    case.path.mkdir()
    with capture_logs() as logs:
        for _ in range(3):
            case.file.poll()
    assert case.switch.latch.engaged
    assert [entry["event"] for entry in logs] == ["rollback_file_failed"]
    case.switch.release(who="ann", why="over")
    case.file.poll()
    assert case.switch.latch.engaged
