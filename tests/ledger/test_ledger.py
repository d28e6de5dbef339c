"""The ledger of one process: grouped, bounded, and only what is new is handed on."""

import threading
import tracemalloc
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from shim.shadow.ledger import FIRST_LINES, MOST_GROUPS, OVERFLOW, Ledger
from tests.ledger.entries import AT, Clock, mismatch


def test_divergences_are_grouped_by_fingerprint() -> None:
    """With their number, their times, their callers, and where they differ."""
    clock = Clock()
    ledger = Ledger(utc_now=clock)
    numbers = []
    for seconds, caller in ((0, "farming"), (5, "wallet"), (2, "farming")):
        clock.jump(seconds)
        numbers.append(ledger.note(mismatch(), callers=[caller, caller]))
    assert numbers == [1, 2, 3]
    [group] = ledger.take()
    assert (group.count, group.callers) == (3, {"farming": 2, "wallet": 1})
    assert (group.first_seen, group.last_seen) == (AT, AT + timedelta(seconds=7))
    assert group.differences == ("recipients.* missing",)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=8))
def test_what_is_taken_adds_up_to_what_was_noted(rounds: list[list[str]]) -> None:
    """Each divergence is handed on once, however often somebody takes."""
    ledger = Ledger(utc_now=Clock())
    taken = []
    for marks in rounds:
        for mark in marks:
            ledger.note(mismatch(mark), callers=["farming"])
        taken += ledger.take()
        assert ledger.take() == ()
    for mark in "abc":
        noted = sum(marks.count(mark) for marks in rounds)
        assert sum(group.count for group in taken if group.key.fingerprint == mark) == noted


def test_a_clock_that_jumps_leaves_first_before_last() -> None:
    """Set back by an hour, the last time stays the latest that was read."""
    clock = Clock()
    ledger = Ledger(utc_now=clock)
    for seconds in (0, 60, -3600, 7200, -7200):
        clock.jump(seconds)
        ledger.note(mismatch(), callers=[])
    [group] = ledger.take()
    assert group.first_seen <= AT < group.last_seen
    assert group.count == 5


def test_known_ones_are_a_group_of_their_own() -> None:
    """Of the same fingerprint, before and after it was accepted."""
    ledger = Ledger(utc_now=Clock())
    ledger.note(mismatch(), callers=[])
    ledger.note(mismatch(known="stale"), callers=[])
    assert [group.key.known for group in ledger.take()] == ["", "stale"]


def test_samples_are_handed_on_once() -> None:
    """With the number that they have in this process."""
    ledger = Ledger(utc_now=Clock())
    number = ledger.note(mismatch(), callers=[])
    ledger.add_sample(mismatch(), number, "{}")
    [first] = ledger.take()
    assert [(sample.number, sample.text) for sample in first.samples] == [(1, "{}")]
    ledger.note(mismatch(), callers=[])
    [second] = ledger.take()
    assert second.samples == ()


def test_a_million_fingerprints_are_counted_in_bounded_memory() -> None:
    """A thousand groups are kept, all others are one group: none is lost."""
    ledger = Ledger(utc_now=Clock())
    result = mismatch()
    places = result.differences
    for number in range(990_000):
        ledger.note(_Bare(f"{number:016x}", places), callers=())  # type: ignore[arg-type]
    tracemalloc.start()  # the last hundredth tells: measuring all of it takes a minute
    try:
        for number in range(990_000, 1_000_000):
            ledger.note(_Bare(f"{number:016x}", places), callers=())  # type: ignore[arg-type]
        _, grown = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    groups = ledger.take()
    assert len(groups) == MOST_GROUPS + 1
    assert sum(group.count for group in groups) == 1_000_000
    [rest] = [group for group in groups if group.key.fingerprint == OVERFLOW]
    assert (rest.count, rest.differences) == (1_000_000 - MOST_GROUPS, ())
    assert grown < 10_000, f"{grown} bytes"


class _Bare:
    """What the ledger reads of a result, quickly made."""

    __slots__ = ("differences", "fingerprint")
    name = "reach"
    known = None

    def __init__(self, fingerprint: str, differences: object) -> None:
        self.fingerprint = fingerprint
        self.differences = differences


def test_totals_are_told_for_groups_that_have_no_line_each_and_grew() -> None:
    """The first ones have lines; afterwards the total is told once for each growth."""
    ledger = Ledger(utc_now=Clock())
    for _ in range(FIRST_LINES):
        ledger.note(mismatch(), callers=[])
    assert ledger.untold() == {}
    ledger.note(mismatch(), callers=[])
    ledger.take()
    assert list(ledger.untold().values()) == [FIRST_LINES + 1]
    assert ledger.untold() == {}


def test_threads_at_once_lose_nothing() -> None:
    """A shadow that was given up may still be noting while another begins."""
    ledger = Ledger(utc_now=Clock())
    taken = []

    def note() -> None:
        for _ in range(2000):
            ledger.note(mismatch(), callers=["farming"])

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += ledger.take()
    taken += ledger.take()
    assert sum(group.count for group in taken) == 8000
