"""What is on the bus: hints that only those can make who have the key."""

import json
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.outgoing_hints import OutgoingHints
from app.notifications.hints import MAX_BYTES, MOST_USERS, Hints, hint_codec
from app.notifications.seal import Seal
from app.notifications.signed import ForgedMessageError, MalformedMessageError
from flags.user_id import MAX_USER_ID

SECRET = b"a key"
CODEC = hint_codec(SECRET)
users = st.integers(1, MAX_USER_ID)


@given(st.lists(users, min_size=1, max_size=MOST_USERS))
def test_what_was_signed_is_read_as_it_was_written(found):
    """Sender and users arrive whole, and in a message that is not too long to be read."""
    message = CODEC.encode(Hints("worker", tuple(found)))
    assert len(message) <= MAX_BYTES
    assert (CODEC.decode(message).sender, CODEC.decode(message).users) == ("worker", tuple(found))


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_message_with_any_byte_changed_is_forged(place, byte):
    """The signature covers all of it, but for the dot that separates them."""
    message = bytearray(CODEC.encode(Hints("worker", tuple(range(1, 60)))))
    place %= len(message)
    same = message[place] == byte or place == 64
    message[place] = byte
    if not same:
        with pytest.raises(ForgedMessageError):
            CODEC.decode(bytes(message))


@pytest.mark.parametrize(
    "message",
    [
        *(b"", b"x", b"." * 65, b"not signed at all" * 10, "text", None, 7),
        hint_codec(b"another key").encode(Hints("worker", (7,))),
        CODEC.encode(Hints("worker", (7,)))[:-1],
        CODEC.encode(Hints("worker", (7,))) + b" ",
        b"0" * (MAX_BYTES + 1),
        b"0" * 64 + b"." + b"[" * 10_000,
    ],
)
def test_what_nobody_signed_with_the_key_is_refused(message):
    """Another key, no key, a part, too much, something else entirely."""
    with pytest.raises(ForgedMessageError):
        CODEC.decode(message)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b"nonsense", b'{"sender":"w","users":[]}'),
        b'{"sender":"w","users":[0]}',
        b'{"sender":"w","users":["7"]}',
        b'{"sender":"w","users":[true]}',
        b'{"sender":"w","users":[9007199254740992]}',
        b'{"sender":"","users":[7]}',
        b'{"sender":"w","users":[7],"balance":1}',
        json.dumps({"sender": "w", "users": [7] * (MOST_USERS + 1)}).encode(),
    ],
)
def test_what_is_signed_and_says_nothing_we_know_is_refused(body):
    """As of another version of ourselves: no part of it is acted on."""
    with pytest.raises(MalformedMessageError):
        CODEC.decode(Seal(SECRET, purpose="hints on the bus").close(body))


def test_a_user_who_waits_waits_once_and_in_turn():
    """Any number of hints for one user is one, in the order of the first."""
    waiting = OutgoingHints()
    for user in (7, 8, 7, 9, 8):
        waiting.add(user)
    assert (waiting.take(2), waiting.take(9), waiting.take(9)) == ([7, 8], [9], [])


def test_what_does_not_fit_is_dropped_and_counted():
    """The set does not grow without end; who is in it stays."""
    waiting = OutgoingHints(limit=3)
    for user in islice(range(1, 100), 5):
        waiting.add(user)
    waiting.add(3)
    assert (len(waiting), waiting.dropped) == (3, 2)
    assert waiting.take(9) == [1, 2, 3]
