"""What is rehearsed with the canonical's shadow, and what that finds in a candidate."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.notifications.messages import BalanceFrame
from app.notifications.ports import TruthUnavailable
from shim.balance.pace import OF_RECENT
from shim.balance.rehearsal import EVERY_NTH, SELDOM, RehearsingReader
from shim.shadow.result import NotCompared
from tests.notifications.doubles import MemoryTruth
from tests.shim.harness import Harness
from tests.shim.test_what_pages_see import Wrong, shadowed


class Deaf(Wrong):
    """Takes no notice of a user whom it is just telling."""

    def _hint(self, user_id):
        if user_id not in self._in_hand:
            super()._hint(user_id)


class Unheeding(Wrong):
    """Does not ask what legacy showed a page."""

    def register_connection(self, user_id, connection):
        """Take what was overheard for settled."""
        connection.settled = connection.overheard
        super().register_connection(user_id, connection)


class Stubborn(Wrong):
    """Does not put right what legacy showed."""

    def __init__(self, **ports):
        super().__init__(**ports)
        offer = self._delivery._offer
        self._delivery._offer = lambda reader, frame: (
            None if frame.version == frame.since else offer(reader, frame)
        )


class Repeating(Wrong):
    """Tells a page what came before it, if another page of the user does not know that yet."""

    def __init__(self, *, truth, **ports):
        super().__init__(truth=truth, **ports)
        read = self._delivery._truth.read

        def all_of_it(since, *, timeout=None):
            self.asked = dict(since)
            return read(since, timeout=timeout)

        self._delivery._truth = SimpleNamespace(read=all_of_it, place=truth.place)
        offer = self._delivery._offer

        def repeat(reader, frame):
            behind = self.asked.get(frame.user_id)
            before = None if behind is None else (frame.since or 0) - behind
            offer(reader, replace(frame, change_ton=frame.change_ton * (2 if before else 1)))

        self._delivery._offer = repeat


class Starving(Wrong):
    """Says nothing as long as notifications keep coming."""

    def _hint(self, user_id):
        super()._hint(user_id)
        window = self._windows.get(user_id)
        if window is not None:
            window.first = window.last


@dataclass(frozen=True, slots=True)
class Chatty(BalanceFrame):
    """A frame that says more than a page asks for."""

    def text(self):
        """Say it within the changes."""
        return BalanceFrame.text(self).replace('"changes":{', '"changes":{"gel":0,')


def framed(change):
    """Return a candidate that changes each frame."""

    class Changed(Wrong):
        def register_connection(self, user_id, connection):
            offer = connection.offer
            connection.__dict__.setdefault("offer", lambda frame: offer(change(frame)))
            super().register_connection(user_id, connection)

    return Changed


def rounds(candidate, times=2 * EVERY_NTH):
    """Return a harness whose shadow was shown so many calls, each an episode of its own."""
    harness = shadowed(candidate) if candidate else Harness()
    harness.connect()
    for _ in range(times):
        harness.boost()
        harness.run()
    return harness


@pytest.mark.parametrize(
    ("candidate", "rehearsals"),
    [(Deaf, 1), (Unheeding, 2), (Stubborn, 1), (Repeating, 2)],
)
def test_what_is_rehearsed_finds_who_cannot_do_it(candidate, rehearsals):
    """At one of eight versions each, and in truth alone but for what is lost altogether."""
    harness = rounds(candidate)
    outcomes = harness.outcomes()
    wrong = 2 * rehearsals
    assert outcomes["truth"] == {"matched": 2 * EVERY_NTH - wrong, "mismatched": wrong}
    if candidate in (Unheeding, Stubborn):
        assert set(outcomes["reach"]) == set(outcomes["saying"]) == {"matched"}


def test_what_is_rehearsed_is_no_difference_for_the_service_that_ships():
    """Every remainder of the version was met twice, and everything matches."""
    harness = rounds(None, 2 * SELDOM)
    everything = {"matched": 2 * SELDOM}
    assert harness.outcomes() == {"reach": everything, "truth": everything, "saying": everything}


def test_what_is_booked_while_the_shadow_reads_is_said_in_a_window_of_its_own():
    """The page of the shadow sees nothing twice, and nothing is lost."""
    harness = Harness()
    harness.connect()
    for _ in range(EVERY_NTH):
        harness.boost()
        harness.boost("0.25")
        harness.run()
    assert harness.outcomes()["truth"] == {"matched": EVERY_NTH}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            lambda frame: Chatty(*(getattr(frame, name) for name in BalanceFrame.__slots__)),
            "recipients.*.*.more",
        ),
        (
            lambda frame: replace(frame, change_uni=Decimal("-0.000000")),
            "recipients.*.*.change_uni",
        ),
        (lambda frame: replace(frame, at=frame.at - timedelta(hours=1)), "recipients.*.*.said"),
    ],
)
def test_a_text_that_differs_in_what_no_figure_shows_is_found(change, where):
    """A field more, minus nothing, and a time at which nothing was said."""
    harness = rounds(framed(change), 1)
    assert where in {path for path, _ in harness.found("truth")}


def streak(harness, calls=11, *, news=True):
    """Notify of one user again and again by the path that answers at once; the other one waits.

    Each time something new was booked, or only the first time.
    """
    for number in range(calls):
        if news or not number:
            harness.hook()
        else:
            harness.by_id.notify_balance_update(7)
        harness.run(0.05)
    harness.run(0.6)


def test_a_candidate_that_calls_keep_from_speaking_is_found():
    """At once: the page hears at the end of a streak what it should have heard within."""
    harness = shadowed(Starving)
    harness.connect()
    streak(harness)
    assert harness.found("truth") == {("waited.*", "latency_class")}
    assert harness.outcomes()["truth"] == {"mismatched": 1}
    [difference] = harness.results[-1][1].differences
    assert (difference.expected, difference.actual) == ("below 375 ms", "below 750 ms")


@pytest.mark.parametrize("news", [True, False])
def test_the_service_that_ships_speaks_within_a_streak(news):
    """Then nothing is late, however long the streak is, and whatever is rehearsed besides."""
    harness = Harness()
    harness.connect()
    for _ in range(SELDOM):
        streak(harness, news=news)
    assert set(harness.outcomes()["truth"]) == set(harness.outcomes()["saying"]) == {"matched"}


def test_a_streak_that_nobody_calls_for_finds_who_cannot_bear_it():
    """At one of sixteen versions; to a candidate that collects calls for ever it is too long."""
    harness = rounds(Starving, 2 * SELDOM)
    assert harness.outcomes()["truth"] == {"matched": 2 * SELDOM - 2, "mismatched": 2}
    assert harness.found("truth") == {("waited.*", "latency_class")}


def late(harness, seconds):
    """Let so much time pass in which the shadow thread has no turn; then it has one."""
    harness.clock.advance(seconds)
    harness.run(0.001)


@pytest.mark.parametrize("pause", [0.06, 0.11, 0.3, 0.7])
def test_a_thread_that_is_late_makes_no_page_wait(pause):
    """Turns come whenever the process gets to it; a shadow's timers fire when they are due."""
    harness = Harness()
    for user_id in (7, 8, 9):
        harness.connect(user_id, str(user_id))
    for number in range(2 * SELDOM):
        for user_id in (7, 8, 9):
            harness.hook(user_id=user_id)
            late(harness, pause * (1 + number % 3) / 3)
        late(harness, pause)
        harness.run(0.6)
    assert "mismatched" not in harness.outcomes()["truth"]
    assert harness.outcomes()["truth"]["matched"] > SELDOM


def test_a_clock_that_jumps_makes_no_page_wait():
    """On by hours in the middle of a streak, and back again: the shadow's own goes on."""
    harness = Harness()
    harness.connect()
    for number in range(2 * SELDOM):
        for jump in (0.05, 3600.0 if number % 2 else -3600.0, 0.05):
            harness.hook()
            harness.run(0.05)
            now = harness.clock.monotonic()
            harness.experiment.step(now + jump, lambda: harness.migration.queue.take(1000))
        harness.run(0.6)
    assert set(harness.outcomes()["truth"]) <= {"matched", "not_compared"}


def test_who_waits_for_the_database_is_not_late():
    """A call that comes while the candidate pauses after a read that failed is answered later."""
    harness = Harness()
    for user_id in (7, 8):
        harness.connect(user_id, str(user_id))
    for _ in range(SELDOM):
        harness.hook()
        harness.run(0.02)
        harness.truth.failing = True
        harness.run(1.0)  # by now it pauses for almost a second
        harness.truth.failing = False
        harness.hook(user_id=8)
        harness.run(2.0)
    assert "mismatched" not in harness.outcomes()["truth"]
    assert harness.outcomes()["truth"]["matched"] >= SELDOM


def test_a_read_that_is_to_fail_makes_nobody_late_who_is_read_with():
    """Many who are told together, by a thread that is late itself, have to wait a little longer."""
    harness = Harness()
    for user_id in range(1, 2 * OF_RECENT):
        harness.connect(user_id, str(user_id))
    for _ in range(12):
        harness.truth.book(7, "1")
    for user_id in range(1, 2 * OF_RECENT):
        harness.hook(user_id=user_id)
    late(harness, 0.11)
    harness.run(0.8)
    assert harness.outcomes()["saying"] == {"matched": 2 * OF_RECENT - 1}


def test_many_who_wait_for_the_database_are_not_slow():
    """Twenty who call in one and the same pause are no sign of a candidate that is always late."""
    harness = Harness()
    for user_id in range(1, 2 * OF_RECENT):
        harness.connect(user_id, str(user_id))
    harness.hook(user_id=1)
    harness.run(0.02)
    harness.truth.failing = True
    harness.run(1.0)
    harness.truth.failing = False
    for user_id in range(2, 2 * OF_RECENT):
        harness.hook(user_id=user_id)
    harness.run(2.0)
    assert harness.outcomes()["saying"] == {"matched": 2 * OF_RECENT - 2, "not_compared": 1}


class GivingUp(Wrong):
    """Drops what could not be read."""

    def _put_back(self, batch, error):
        super()._put_back(batch, error)
        self._windows.take(batch.users)


def test_a_read_that_fails_finds_who_gives_up():
    """At one of sixteen versions, though the database itself never failed."""
    harness = rounds(GivingUp, 2 * SELDOM)
    assert harness.outcomes()["truth"] == {"matched": 2 * SELDOM - 2, "mismatched": 2}
    assert harness.reasons() == set()


def test_a_read_that_is_to_fail_fails_once_for_all_who_are_asked_of():
    """And no other before those were answered, so that nobody has to wait for two pauses."""
    truth = MemoryTruth()
    for user_id in (7, 8, 9):
        truth.open_account(user_id)
    reader = RehearsingReader(truth, notify=id, unavailable=TruthUnavailable, monotonic=lambda: 0.0)
    reader.unreadable |= {7, 8}
    with pytest.raises(TruthUnavailable, match="rehearsed"):
        reader.read({7: None, 8: None, 9: None})
    reader.unreadable.add(9)
    assert reader.read({9: None}).keys() == {9}
    assert reader.read({7: None}).keys() == {7}
    reader.forget(8)
    reader.unreadable.add(7)
    with pytest.raises(TruthUnavailable, match="rehearsed"):
        reader.read({7: None})
    assert len(truth.reads) == 2
    assert reader.reads_well


def test_what_is_rehearsed_is_marked_in_the_log():
    """So that the service's log does not tell of a database that nobody could read."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        rounds(None, SELDOM)
    assert [line["event"] for line in lines] == ["balances_unreadable", "balances_readable_again"]
    assert all(line["said_by_shadow"] for line in lines)


def test_nothing_is_rehearsed_with_a_user_whom_the_canonical_serves():
    """What was meant for an episode without its shadow is not left over for a later one."""
    harness = Harness()
    harness.connect()
    for number in range(3 * EVERY_NTH):
        harness.flip(percent=100 * (number % 2))
        harness.boost()
        harness.run()
    assert set(harness.outcomes()["truth"]) == {"matched"}


@pytest.mark.parametrize("residue", range(SELDOM))
def test_what_an_episode_that_was_given_up_left_behind_is_no_difference(residue):
    """Whatever was rehearsed: the shadow may still speak, and the next episode is not about it."""
    harness = Harness()
    harness.connect()
    for _ in range(residue):
        harness.hook()
        harness.run()
    harness.hook()
    harness.run(0.005)
    harness.experiment.discard(NotCompared.BROKEN)
    harness.hook()
    harness.run()
    assert "mismatched" not in harness.outcomes()["truth"]


def test_every_page_of_the_shadow_has_an_id_of_its_own():
    """Guests too, and whoever comes back: a port promises that ids are unique in a process."""
    seen = []

    class Noting(Wrong):
        def register_connection(self, user_id, connection):
            seen.append((connection.id, connection))
            super().register_connection(user_id, connection)

    harness = shadowed(Noting)
    for user_id in (7, 8):
        harness.connect(user_id, f"page of {user_id}")
    for _ in range(EVERY_NTH):
        for user_id in (7, 8):
            harness.boost(user_id=user_id)
        harness.run()
    ids = {}
    for id_, connection in seen:
        assert ids.setdefault(id_, connection) is connection
    assert len(ids) >= 3 * EVERY_NTH
    assert harness.outcomes()["truth"] == {"matched": 2 * EVERY_NTH}
