"""Candidates that are wrong where only a page would notice, and what must not count as that."""

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from app.notifications.messages import BalanceFrame
from app.notifications.service import BalanceNotifications
from shim.balance.rehearsal import EVERY_NTH
from tests.notifications.doubles import ConnectionDouble
from tests.shim.harness import Harness

MATCHED = {"matched": 1}


class Wrong(BalanceNotifications):
    """The service that ships, but for what a subclass does to a frame."""

    @classmethod
    def build(cls, clock, truth, serves, bus=None):
        """Build it as the harness asks for it."""
        return cls(truth=truth, clock=clock, serves=serves, bus=bus)


@dataclass(frozen=True, slots=True)
class Mumbling(BalanceFrame):
    """A frame that no page can read."""

    def text(self):
        """Return half of what it should."""
        return BalanceFrame.text(self)[:-1]


class Unreadable(Wrong):
    """Offers frames whose attributes are right and whose words are not."""

    def register_connection(self, user_id, connection):
        """Let each frame of this connection mumble."""
        offer = connection.offer

        def mumble(frame):
            fields = {name: getattr(frame, name) for name in BalanceFrame.__slots__}
            offer(Mumbling(**fields))

        connection.__dict__.setdefault("offer", mumble)
        super().register_connection(user_id, connection)


class Shifted(Wrong):
    """Says of each frame that it starts one version later."""

    def register_connection(self, user_id, connection):
        """Let each frame of this connection be shifted."""
        offer = connection.offer
        connection.__dict__.setdefault(
            "offer", lambda frame: offer(replace(frame, since=frame.since + 1))
        )
        super().register_connection(user_id, connection)


class Hoarding(Wrong):
    """Never lets go of a connection."""

    def remove_connection(self, user_id, connection):
        """Keep it."""


class Impolite(Wrong):
    """Tells new pages of all that ever was."""

    def register_connection(self, user_id, connection):
        """Take the page for one that knows everything."""
        if connection.base_version is None:
            connection.base_version = 0
        super().register_connection(user_id, connection)


class Hasty(Wrong):
    """Leaves without a word when its users are handed over."""

    def relinquish(self, lost, *, read_timeout=0.05):
        """Forget what is pending."""
        self._windows.take([user_id for user_id in self._windows.users() if lost(user_id)])


class Mute(Wrong):
    """Tells a new page of nothing."""

    def register_connection(self, user_id, connection):
        """Take the page for one that knows everything that there will be."""
        if connection.base_version is None:
            connection.base_version = 2**31
        super().register_connection(user_id, connection)


class Greeting(Wrong):
    """Shows a new page the present balance, without a change."""

    def register_connection(self, user_id, connection):
        """Greet it at once."""
        if connection.base_version is None:
            truth = self._delivery._truth.read({user_id: None})[user_id]
            nothing = Decimal(0)
            connection.offer(
                BalanceFrame(
                    user_id=user_id,
                    version=truth.version,
                    since=None,
                    uni=truth.uni,
                    ton=truth.ton,
                    change_uni=nothing,
                    change_ton=nothing,
                    sources=(),
                    at=self._clock.utc_now(),
                )
            )
        super().register_connection(user_id, connection)


class Unasked(Wrong):
    """Sends to everybody, whoever serves them."""

    @classmethod
    def build(cls, clock, truth, serves, bus=None):
        """Build it as one that serves everybody."""
        return cls(truth=truth, clock=clock, serves=lambda _: True, bus=bus)


class Forgetful(Wrong):
    """Opens windows and never looks at them again."""

    def _tick(self):
        """Close nothing."""


def shadowed(wrong):
    """Return a harness whose shadow is wrong and whose live canonical is the one that ships."""
    harness = Harness(canonical=wrong.build)
    harness.migration.canonical = BalanceNotifications(
        truth=harness.truth, clock=harness.clock, serves=harness.migration.serves
    )
    return harness


def test_a_frame_that_no_page_can_read_is_a_difference_of_truth():
    """What is compared is the text of the wire, not the attributes behind it."""
    harness = shadowed(Unreadable)
    harness.connect()
    harness.hook()
    harness.run()
    assert harness.outcomes()["truth"] == {"mismatched": 1}
    assert ("recipients.*.*.said", "extra") in harness.found("truth")


def test_what_is_sent_to_a_connection_that_is_gone_is_found():
    """A candidate that keeps removed connections tells them of the user's next change."""
    harness = Harness(canonical=Hoarding.build)
    harness.connect()
    for _ in range(2):
        harness.hook()
        harness.run()
    assert harness.outcomes()["truth"] == {"matched": 1, "mismatched": 1}


@pytest.mark.parametrize("candidate", [Impolite, Mute, Greeting])
def test_a_new_page_that_is_told_of_what_it_has_read_is_found(candidate):
    """At one of some versions a page connects that has just read the balance."""
    harness = shadowed(candidate)
    harness.connect()
    for _ in range(EVERY_NTH):
        harness.hook()
        harness.run()
    assert harness.outcomes()["truth"] == {"matched": EVERY_NTH - 1, "mismatched": 1}
    assert candidate is Mute or "a new page" in repr(harness.lines)


def test_a_handover_that_says_nothing_is_found():
    """At one of some versions the user is handed over, and what is pending must be said."""
    harness = Harness(canonical=Hasty.build)
    harness.connect()
    for _ in range(EVERY_NTH):
        harness.boost()
        harness.run()
    assert harness.outcomes()["truth"] == {"matched": EVERY_NTH - 1, "mismatched": 1}


def test_what_is_rehearsed_is_no_difference_for_the_service_that_ships():
    """A newcomer and a handover belong to truth alone, and there they match."""
    harness = Harness()
    harness.connect()
    for _ in range(2 * EVERY_NTH):
        harness.boost()
        harness.run()
    everything = {"matched": 2 * EVERY_NTH}
    assert harness.outcomes() == {"reach": everything, "truth": everything, "saying": everything}


def test_a_candidate_that_asks_nobody_reaches_no_page_and_is_found():
    """A live candidate cannot send to a user whom legacy serves."""
    harness = Harness(canonical=Unasked.build)
    page = harness.connect()
    harness.hook()
    harness.migration.canonical.look_again([7])
    harness.run()
    assert page.offered == []
    assert harness.found("truth") == {("unasked", "value")}


def test_the_way_back_lets_the_loser_finish():
    """A window that is flushed at a flip is no frame that nobody asked for."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.hook()
    harness.flip(percent=0)
    harness.run()
    assert page.versions == [1]
    assert harness.reasons() == {"flipped"}


def test_a_page_that_was_still_to_be_greeted_makes_saying_raced():
    """Its greeting stands in the episode, and legacy greets nobody."""
    harness = Harness(percent=100)
    harness.connect(name="a")
    late = ConnectionDouble("b")
    harness.aware.register_connection(7, late)
    harness.boost()
    harness.run()
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.outcomes()["saying"] == {"not_compared": 1}


def test_a_shadow_that_forgets_its_work_is_judged_by_its_silence():
    """An episode that only the candidate keeps open is no excuse."""
    harness = shadowed(Forgetful)
    harness.connect()
    harness.hook()
    harness.run(1.2)
    assert harness.outcomes()["truth"] == {"mismatched": 1}


def test_a_shadow_that_waits_for_the_database_has_an_excuse():
    """After a read that failed nothing can be said of the episodes that were open."""
    harness = Harness()
    harness.connect()
    harness.hook()
    harness.run(0.02)
    harness.truth.failing = True
    harness.run(0.9)
    harness.truth.failing = False
    harness.run(1.5)
    assert harness.reasons() == {"unreadable"}
    assert not harness.results


@pytest.mark.parametrize("call", ["boost", "hook", "farm"])
def test_a_page_that_showed_it_before_the_call_is_no_difference(call):
    """A sweep, or a greeting, may come between a booking and the call that speaks of it."""
    harness = Harness(percent=100)
    page = harness.connect()
    version = harness.truth.book(7, "1", source="mission")
    page.base_version = version
    if call == "boost":
        now = harness.truth.read({7: None})[7]
        update = harness.update(7, now.uni, now.ton, "1", "UNI", "mission")
        harness.aware.notify_balance_update(update)
    else:
        harness.by_id.notify_balance_update(7)
    harness.run()
    assert harness.outcomes() == {
        "reach": {"not_compared": 1},
        "truth": MATCHED,
        "saying": {"not_compared": 1},
    }
    assert harness.reasons() == {"raced"}


def test_a_frame_that_says_a_wrong_since_is_found():
    """The version that a frame starts from is compared as the one that it leads to."""
    harness = shadowed(Shifted)
    harness.connect()
    harness.hook()
    harness.run()
    assert harness.found("truth") == {("recipients.*.*.since", "value")}


def test_an_episode_is_not_over_before_all_its_frames_were_taken_in():
    """With more in the queue than one step takes, a frame that comes later still belongs to it."""
    harness = Harness(percent=100)
    for user_id in (7, 8, 9):
        harness.connect(user_id, str(user_id))
    for user_id in (7, 8, 9):
        harness.hook(user_id=user_id)
    harness.clock.advance(0.5)  # the frames left while the shadow thread was held up
    queue = harness.migration.queue
    while len(queue):
        harness.experiment.step(
            harness.clock.monotonic(), lambda: queue.take(1), waiting=queue.__len__
        )
    harness.run()
    assert harness.outcomes()["truth"] == {"matched": 3}
