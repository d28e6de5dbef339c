"""Custom messages over the bus: every page of the user, on every worker, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.outgoing_messages import OutgoingMessages
from app.adapters.redis_bus import MESSAGES
from app.notifications.bus import InProcessBus
from app.notifications.hints import hint_codec
from app.notifications.passed_on import (
    GOOD_FOR_S,
    MAX_BYTES,
    MOST_BYTES,
    MOST_SENDERS,
    PassedOn,
    Repeats,
    message_codec,
)
from app.notifications.seal import Seal
from app.notifications.service import BalanceNotifications
from app.notifications.signed import ForgedMessageError
from shim.shadow.clock import VirtualClock
from tests.bus.conftest import SECRET, away, until
from tests.notifications.doubles import ConnectionDouble, MemoryTruth

CODEC = message_codec(SECRET)
TEXT = '{"type":"ton_boost_activated"}'
redis_mark = pytest.mark.redis


def message(number=1, *, sender="worker", at=1000.0, text=TEXT):
    """Return a message for user 7."""
    return PassedOn(sender, number, at, 7, text)


@given(st.text(min_size=1, max_size=300))
def test_what_was_signed_is_read_as_it_was_written(text):
    """Whatever the text."""
    assert CODEC.decode(CODEC.encode(message(text=text))) == message(text=text)


@pytest.mark.parametrize("character", ['"', "\\", "€", "x"])
def test_the_longest_text_fits(character):
    """Also if each of its characters has to be escaped."""
    text = character * (MOST_BYTES // len(character.encode()))
    signed = CODEC.encode(message(text=text))
    assert len(signed) <= MAX_BYTES
    assert CODEC.decode(signed).text == text


def test_a_hint_is_no_message_and_a_message_no_hint():
    """Each kind is signed with a key of its own."""
    with pytest.raises(ForgedMessageError):
        hint_codec(SECRET).decode(CODEC.encode(message()))


def test_a_message_is_acted_on_once_and_while_it_is_new():
    """The same number again, one before it, one too old, one from the future: none is new."""
    repeats = Repeats()
    assert repeats.is_new(message(5), 1000)
    assert not repeats.is_new(message(5), 1000)
    assert not repeats.is_new(message(4), 1000)
    assert not repeats.is_new(message(6), 1000 + GOOD_FOR_S + 1)
    assert not repeats.is_new(message(6), 1000 - GOOD_FOR_S - 1)
    assert repeats.is_new(message(6), 1001)
    assert repeats.is_new(message(1, sender="another"), 1001)


def test_senders_are_not_remembered_without_end():
    """Who was silent for longest is forgotten first; who speaks is not."""
    repeats = Repeats()
    assert repeats.is_new(message(1), 1000)
    for other in range(MOST_SENDERS + 5):
        repeats.is_new(message(1, sender=str(other)), 1000)
        assert not repeats.is_new(message(1), 1000)


def test_what_does_not_fit_is_dropped_and_counted():
    """The queue does not grow without end, and nothing over 64 KB goes on the bus."""
    waiting = OutgoingMessages(limit=2)
    waiting.add(7, "x" * (MOST_BYTES + 1))
    for text in ("a", "b", "c"):
        waiting.add(7, text)
    assert waiting.dropped == 2
    assert (waiting.first().text, waiting.first().number) == ("a", 1)
    waiting.done()
    assert waiting.first().text == "b"


@redis_mark
def test_a_message_reaches_every_other_worker_in_order_and_not_its_own(join):
    """Who passes it on has sent it to its own pages already."""
    one, two, three = join(), join(), join()
    for text in ("a", "b", "c"):
        one.bus.pass_on(7, text)
    until(lambda: two.messages == three.messages == [(7, "a"), (7, "b"), (7, "c")])
    assert one.messages == []
    until(lambda: one.bus.snapshot()["messages_published"] == 3)  # counted after it was sent
    assert two.bus.snapshot()["messages_heard"] == 3


@redis_mark
def test_what_somebody_records_and_says_again_is_counted_and_not_acted_on(join, redis_server):
    """Nor is what was forged or makes no sense."""
    one, two = join(), join()
    with redis_server.client() as client, client.pubsub() as ear:
        ear.subscribe(MESSAGES)
        one.bus.pass_on(7, TEXT)
        until(lambda: two.messages)
        recorded = [one["data"] for one in (ear.get_message(timeout=1), ear.get_message(timeout=1))]
        client.publish(MESSAGES, recorded[-1])
        client.publish(MESSAGES, message_codec(b"another key").encode(message()))
        client.publish(MESSAGES, Seal(SECRET, purpose="messages on the bus").close(b"{}"))
        until(lambda: two.bus.snapshot()["malformed"])
    assert two.messages == [(7, TEXT)]
    counts = two.bus.snapshot()
    assert (counts["messages_repeated"], counts["forged"], counts["malformed"]) == (1, 1, 1)


@redis_mark
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_a_message_waits_for_redis_and_is_said_once(join, redis_server, how):
    """No caller waits; when Redis is back it is passed on, however often that was tried."""
    one, two = join(), join()
    gaps = two.gaps
    with away(redis_server, how):
        one.bus.pass_on(7, TEXT)
        until(lambda: one.bus.snapshot()["publish_failed"] >= 2)
    until(lambda: one.bus.problems == two.bus.problems == ())
    until(lambda: how == "frozen" or two.gaps > gaps)
    one.bus.pass_on(7, "the last")
    until(lambda: two.messages[-1:] == [(7, "the last")])
    # At most once: a listener that comes back after the publisher has missed the first.
    assert two.messages in ([(7, TEXT), (7, "the last")], [(7, "the last")])


class RecordingBus(InProcessBus):
    """Leads to nobody, and notes what was passed on."""

    def __init__(self):
        self.passed = []

    def pass_on(self, user_id, text):
        """Note it."""
        self.passed.append((user_id, text))


def test_the_service_passes_on_what_it_says_and_says_what_is_passed_on():
    """To all of the user's pages, wherever they are; but only while the canonical serves."""
    bus, unserved, page = RecordingBus(), set(), ConnectionDouble()
    service = BalanceNotifications(
        truth=MemoryTruth(), clock=VirtualClock(), serves=lambda u: u not in unserved, bus=bus
    )
    service.register_connection(7, page)
    service.send_custom_message(7, "x", {"amount": 1})
    service.send_custom_message(8, "x", None)  # nobody is here: perhaps elsewhere
    assert [user_id for user_id, _ in bus.passed] == [7, 8]
    assert page.texts == [bus.passed[0][1]]
    service.hear_message(7, "from elsewhere")
    service.hear_message(8, "for nobody")
    unserved.add(7)
    service.hear_message(7, "not ours to say")
    assert page.texts[1:] == ["from elsewhere"]
    assert len(bus.passed) == 2
