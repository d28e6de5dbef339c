"""Tabs of one user on two workers: each compares its own, and the bus is an effect of its own."""

import pytest

from app.notifications.service import BalanceNotifications
from tests.shim.harness import Harness
from tests.shim.test_hostile_candidate import Gossiping, Secretive, shadowed

MATCHED = {"matched": 1}


class Wire:
    """A bus within this process: what one worker publishes the others look at."""

    def __init__(self):
        self.workers = []
        self.published = []

    def member(self):
        """Return one worker's end; its own worker hears nothing of it."""
        return Member(self, len(self.workers))


class Member:
    """One worker's end of the bus."""

    def __init__(self, wire, number):
        self._wire = wire
        self._number = number

    def publish(self, user_id):
        """Let the other workers look."""
        self._wire.published.append((self._number, user_id))
        for number, worker in enumerate(self._wire.workers):
            if number != self._number:
                worker.migration.canonical.look_again([user_id])


class Pair:
    """Two workers on one database, with a bus between them."""

    def __init__(self, percent):
        self.wire = Wire()
        for _ in range(2):
            self.wire.workers.append(self._worker(percent))
        self.one, self.other = self.wire.workers
        self.other.truth.booked = self.one.truth.booked

    def _worker(self, percent):
        end = self.wire.member()

        def build(clock, truth, serves, bus=None):
            return BalanceNotifications(truth=truth, clock=clock, serves=serves, bus=bus or end)

        return Harness(percent=percent, canonical=build)

    def run(self, seconds=0.5):
        """Let time pass in both."""
        for _ in range(round(seconds / 0.005)):
            for worker in self.wire.workers:
                worker.run(0.005)


@pytest.mark.parametrize("percent", [0, 100])
def test_recipients_are_compared_within_a_worker(percent):
    """The worker that was told compares its two tabs; the other one's are not missed there."""
    pair = Pair(percent)
    here = [pair.one.connect(name=name) for name in ("a", "b")]
    there = [pair.other.connect(name=name) for name in ("c", "d", "e")]
    pair.one.boost()
    pair.run()
    assert pair.one.outcomes() == {"reach": MATCHED, "truth": MATCHED, "saying": MATCHED}
    assert pair.other.counts.episodes == 0
    shown = [1] if percent else []
    assert [page.versions for page in (*here, *there)] == [shown] * 5
    assert pair.wire.published == ([(0, 7)] if percent else [])


@pytest.mark.parametrize("percent", [0, 100])
def test_a_notification_on_one_worker_for_a_browser_on_the_other(percent):
    """Nobody is to be told here, so nothing is compared here, and nothing is false there."""
    pair = Pair(percent)
    page = pair.other.connect()
    pair.one.farm()
    pair.run()
    assert pair.one.reasons() == {"no_connection"}
    assert (pair.one.results, pair.other.results) == ([], [])
    assert page.versions == ([1] if percent else [])


@pytest.mark.parametrize("percent", [0, 100])
def test_calls_on_both_workers_at_once_are_two_episodes_that_match(percent):
    """Each compares what its own tabs were shown, with bookings of the other in between."""
    pair = Pair(percent)
    pages = [pair.one.connect(name="a"), pair.other.connect(name="b")]
    for _ in range(3):
        pair.one.hook()
        pair.run(0.3)
        pair.other.hook()
        pair.run(0.3)
    for worker in pair.wire.workers:
        assert worker.counts.episodes == 3
        assert worker.outcomes()["truth"] == {"matched": 3}
        assert worker.found("truth") == set()
    if percent:
        assert [page.versions for page in pages] == [[1, 2, 3, 4, 5, 6]] * 2


@pytest.mark.parametrize(("candidate", "kind"), [(Secretive, "missing"), (Gossiping, "extra")])
def test_a_wrong_publication_is_found_where_nobody_is_connected(candidate, kind):
    """That is where it matters: the page is on another worker, and the bus leads there."""
    harness = shadowed(candidate)
    harness.truth.open_account(7)
    harness.farm()
    harness.run()
    assert harness.found("truth") == {("published.*", kind)}
    assert harness.outcomes() == {
        "reach": {"not_compared": 1},
        "truth": {"mismatched": 1},
        "saying": {"not_compared": 1},
    }


def late(*, booked_elsewhere, tabs_told=2):
    """Have the live canonical tell so many tabs of one booking 0.3 s before the shadows look."""
    harness = Harness(percent=100)
    pages = [harness.connect(name=name) for name in ("a", "b")]
    registry = harness.migration.canonical._registry
    connections = registry.of(7)[:tabs_told]
    registry.of = lambda user_id: connections
    harness.hook()
    harness.clock.advance(0.3)
    if booked_elsewhere:
        harness.truth.book(7, "2", source="elsewhere")
    harness.run()
    return harness, pages


def test_what_another_process_booked_after_the_canonical_read_is_not_missed():
    """Shadows that are late look at a database that the live canonical cannot have seen."""
    harness, pages = late(booked_elsewhere=True)
    assert [page.versions for page in pages] == [[1], [1]]
    assert harness.outcomes()["truth"] == {"not_compared": 1}
    assert harness.reasons() == {"raced"}


def test_what_was_there_when_the_canonical_read_is_compared_however_late():
    """What nothing came after is judged as ever."""
    harness, _ = late(booked_elsewhere=False)
    assert harness.outcomes()["truth"] == MATCHED


def test_a_page_that_lacks_what_another_was_shown_is_missed_however_late():
    """One page has shown that the canonical read it."""
    harness, pages = late(booked_elsewhere=False, tabs_told=1)
    assert [page.versions for page in pages] == [[1], []]
    assert harness.outcomes()["truth"] == {"mismatched": 1}


def test_what_another_process_booked_before_the_window_closed_must_be_said():
    """Shadows that look in time ask for all that was there when the canonical read."""

    class Deaf(BalanceNotifications):
        """Tells of nothing."""

        def _hint(self, user_id):
            return

    harness = Harness(
        percent=100,
        canonical=lambda clock, truth, serves, bus=None: Deaf(
            truth=truth, clock=clock, serves=serves, bus=bus
        ),
    )
    harness.connect()
    harness.hook()
    harness.truth.book(7, "2", source="elsewhere")
    harness.run()
    assert harness.outcomes()["truth"] == {"mismatched": 1}
