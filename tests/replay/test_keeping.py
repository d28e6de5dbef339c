"""Which divergences are kept: the first ones, a fair sample, never more than there is room for."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shim.shadow.bookkeeper import Bookkeeper
from shim.shadow.ledger import MOST_GROUPS, Ledger
from shim.shadow.ledger_store import MemoryLedgerStore
from shim.shadow.replays import (
    FIRST,
    LARGEST,
    MOST_WAITING,
    SAMPLED,
    NotKept,
    Record,
    Replays,
    ReplayStoreError,
    Share,
)
from shim.shadow.result import Comparison, Outcome, Result
from tests.ledger.entries import AT


class Shelf:
    """A store in memory that may be told to fail."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.failing = False
        self.room = 1_000_000

    def add(self, records: Any) -> int:
        """Take the records for which there is room, or fail."""
        if self.failing:
            raise ReplayStoreError("the disk is full")
        taken = records[: self.room]
        self.records += taken
        return len(records) - len(taken)

    def find(self, prefix: str) -> list[Record]:
        """Return everything."""
        return self.records


class Clock:
    """A time of day that is set by hand."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


def keeper(clock: Callable[[], datetime], write: Any = None, seed: int = 1) -> Replays:
    """Return what chooses, with randomness of its own."""
    ids = iter(range(10**9))
    return Replays(
        write=write or (lambda episode, result, at: b'{"n":%d}' % episode),
        utc_now=clock,
        draw=random.Random(seed).random,
        new_id=lambda: f"{seed}-{next(ids)}",
    )


def offer(replays: Replays, count: int, mark: str = "f", start: int = 1) -> None:
    """Offer so many divergences of one fingerprint."""
    result = Result(Comparison.REACH, Outcome.MISMATCHED, fingerprint=mark)
    for number in range(start, start + count):
        replays.offer(number, result, number)  # type: ignore[arg-type] # an episode is passed on


def test_the_first_are_kept_and_of_the_rest_a_sample_in_which_each_is_as_likely() -> None:
    """Over many floods of 100, early and late ones of the rest are drawn equally often."""
    drawn = dict.fromkeys(range(FIRST + 1, 101), 0)
    for seed in range(100):
        shelf, replays = Shelf(), keeper(Clock(), seed=seed)
        offer(replays, 100)
        replays.store(shelf)
        first = [each for each in shelf.records if each.share is Share.FIRST]
        assert [each.text for each in first] == [f'{{"n":{n}}}' for n in range(1, FIRST + 1)]
        sample = sorted((e for e in shelf.records if e.share is Share.SAMPLE), key=lambda e: e.draw)
        for each in sample[:SAMPLED]:
            drawn[int(each.text[5:-1])] += 1
    early = sum(drawn[n] for n in range(6, 54)) / 48
    late = sum(drawn[n] for n in range(53, 101)) / 48
    assert early / late == pytest.approx(1, abs=0.15)
    assert sum(drawn.values()) == 100 * SAMPLED


def test_a_flood_writes_few_records_down() -> None:
    """Two hundred thousand of one fingerprint cost a few hundred records, not a million."""
    written = []
    replays = keeper(Clock(), write=lambda episode, result, at: written.append(1) or b"{}")
    offer(replays, 200_000)
    assert len(written) < 500


def test_a_million_fingerprints_are_bounded() -> None:
    """Past the bound none is sampled, which is counted."""
    replays = keeper(Clock())
    result = [Result(Comparison.REACH, Outcome.MISMATCHED, fingerprint=f"{n}") for n in range(2000)]
    for each in result:
        replays.offer(1, each, FIRST + 1)  # type: ignore[arg-type]
    assert replays.not_kept == {NotKept.NO_ROOM: 2000 - MOST_GROUPS}


def test_what_is_too_large_or_cannot_be_written_is_counted_and_not_kept() -> None:
    """Nothing is raised into the comparison, whatever writing raises."""

    def broken(*_: object) -> bytes:
        raise RuntimeError("no")

    large, unwritable, shelf = (
        keeper(Clock(), write=lambda *_: b"x" * (LARGEST + 1)),
        keeper(Clock(), write=broken),
        Shelf(),
    )
    for replays in (large, unwritable):
        offer(replays, 2)
        replays.store(shelf)
    assert (large.not_kept, unwritable.not_kept) == (
        {NotKept.TOO_LARGE: 2},
        {NotKept.UNWRITABLE: 2},
    )
    assert shelf.records == []


def test_what_a_store_does_not_take_waits_and_is_bounded() -> None:
    """It is handed over once the store works again; meanwhile memory has a limit."""
    replays = keeper(Clock(), write=lambda *_: b"x" * LARGEST)
    shelf = Shelf()
    shelf.failing = True
    for mark in range(100):
        offer(replays, 2, mark=f"{mark}")
    with pytest.raises(ReplayStoreError):
        replays.store(shelf)
    room = MOST_WAITING // LARGEST
    assert replays.not_kept == {NotKept.NO_ROOM: 200 - room}
    shelf.failing = False
    replays.store(shelf)
    replays.store(shelf)
    assert len(shelf.records) == room
    offer(replays, 1)
    replays.store(shelf)
    assert len(shelf.records) == room + 1


def test_what_a_store_has_no_room_for_is_counted() -> None:
    """Beside what found no room here; it does not wait, for there will be none."""
    replays, shelf = keeper(Clock()), Shelf()
    shelf.room = 2
    offer(replays, 5)
    replays.store(shelf)
    replays.store(shelf)
    assert (len(shelf.records), replays.not_kept) == (2, {NotKept.NO_ROOM: 3})


def test_the_sample_follows_the_time_that_is_kept() -> None:
    """Once what was drawn is too old, the next ones take its place, however many came before."""
    clock, shelf = Clock(), Shelf()
    replays = keeper(clock)
    offer(replays, 100_000)
    replays.store(shelf)
    before = len(shelf.records)
    clock.now += timedelta(days=15)
    offer(replays, SAMPLED, start=100_001)
    replays.store(shelf)
    assert len(shelf.records) == before + SAMPLED


def test_a_chore_that_fails_is_said_once_and_keeps_no_other_from_being_done() -> None:
    """The ledger is kept all the same, and the problem is gone when the chore is done."""
    done: list[str] = []
    failing = [True]

    def first() -> None:
        if failing[0]:
            raise ReplayStoreError("the disk is full")

    store = MemoryLedgerStore()
    book = Bookkeeper(
        ledger=Ledger(utc_now=Clock()),
        counters=dict,
        store=store,
        writer=lambda: "w",
        chores={"first": first, "second": lambda: done.append("second")},
    )
    book.turn()
    assert (book.problems, done) == (("first: the disk is full",), ["second"])
    failing[0] = False
    book.turn()
    assert (book.problems, done) == ((), ["second", "second"])
