"""Init data proves who somebody is, or it proves nothing."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.identity import OfTelegram
from app.web.init_data import MOST_CHARACTERS, Flaw, InitDataError, InitDataVerifier
from tests.admission.signing import (
    OTHER_TOKEN,
    PUBLISHED,
    PUBLISHED_AT,
    PUBLISHED_TOKEN,
    PUBLISHED_USER,
    THIRD_PARTY,
    THIRD_PARTY_AT,
    THIRD_PARTY_BOT,
    THIRD_PARTY_TOKEN,
    TOKEN,
    init_data,
    signed,
)

NOW = 1_790_000_000
DAY = 86_400


def verifier(token=TOKEN, *, bot_id=None, now=NOW, max_age_s=DAY):
    """Return a verifier whose clock stands still."""
    return InitDataVerifier(
        token,
        bot_id=bot_id,
        max_age_s=max_age_s,
        utc_now=lambda: datetime.fromtimestamp(now, UTC),
    )


def flaw_of(text, **how):
    """Return why init data is refused."""
    with pytest.raises(InitDataError) as refused:
        verifier(**how).verify(text)
    return refused.value.flaw


def test_the_published_example_is_accepted():
    """A vector that was not made here: token, text and hash of Telegram's own documentation."""
    one = verifier(PUBLISHED_TOKEN, now=PUBLISHED_AT + 60)
    assert one.verify(PUBLISHED) == OfTelegram(PUBLISHED_USER, PUBLISHED_AT + DAY)


@given(st.data())
def test_the_published_example_with_any_character_changed_is_refused(data):
    """Nothing in it can be changed so that somebody else is let in."""
    place = data.draw(st.integers(0, len(PUBLISHED) - 1))
    text = data.draw(st.sampled_from("0123456789abcdefXYZ%&={}"))
    changed = PUBLISHED[:place] + text + PUBLISHED[place + 1 :]
    try:
        found = verifier(PUBLISHED_TOKEN, now=PUBLISHED_AT + 60).verify(changed)
    except InitDataError:
        return
    # Another spelling of the very same fields, as %7B and %7b are, is no forgery.
    assert found.telegram_id == PUBLISHED_USER


def test_what_is_signed_here_is_what_telegram_signs():
    """The tests' own signature agrees with the library's check of it."""
    assert verifier().verify(init_data(74, at=NOW - 60)) == OfTelegram(74, NOW - 60 + DAY)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (init_data(74, at=NOW).replace("74", "75"), Flaw.FORGED),
        (init_data(74, at=NOW, token=OTHER_TOKEN), Flaw.FORGED),
        (init_data(74, at=NOW - DAY - 1), Flaw.EXPIRED),
        (init_data(74, at=NOW + 31), Flaw.FUTURE),
        (init_data(74, at=NOW).partition("&hash=")[0], Flaw.MALFORMED),
        (init_data(74, at=NOW) + "&hash=" + "0" * 64, Flaw.MALFORMED),
        (init_data(74, at=NOW) + "&user=%7B%22id%22%3A75%7D", Flaw.MALFORMED),
        ("user=%7B%22id%22%3A75%7D&" + init_data(74, at=NOW), Flaw.MALFORMED),
        ("x" * 1_000_000, Flaw.TOO_LONG),
        (init_data(74, at=NOW) + "&x=" + "y" * MOST_CHARACTERS, Flaw.TOO_LONG),
        (signed({"auth_date": str(NOW)}), Flaw.NOBODY),
        (init_data(0, at=NOW), Flaw.NOBODY),
        (init_data(2**53, at=NOW), Flaw.NOBODY),
        (signed({"user": '{"id":74}'}), Flaw.MALFORMED),
        (signed({"auth_date": "soon", "user": '{"id":74}'}), Flaw.MALFORMED),
        (f"auth_date=253402300799&hash={'0' * 64}", Flaw.MALFORMED),  # the last second there is
        (signed({"auth_date": str(NOW), "user": "[" * 1250}), Flaw.MALFORMED),
        (signed({"auth_date": str(NOW), "user": '{"id":' + "9" * 3500 + "}"}), Flaw.MALFORMED),
        *((text, Flaw.MALFORMED) for text in ("", " ", "&", "hash", "=&=", "\x00", "\ud800")),
    ],
)
def test_what_proves_nothing_is_refused_by_name(text, flaw):
    """Tampered, of another bot, too old, from the future, twice, without a hash, too long."""
    assert flaw_of(text) == flaw


def test_a_clock_that_is_a_little_behind_is_no_future():
    """Half a minute is how far two clocks may be apart."""
    assert verifier().verify(init_data(74, at=NOW + 29)).telegram_id == 74


@pytest.mark.parametrize("how", [{"bot_id": THIRD_PARTY_BOT}, {"token": THIRD_PARTY_TOKEN}])
def test_the_published_third_party_example_is_accepted(how):
    """By Telegram's own signature where only the bot's id is known, by the hash with its token."""
    one = verifier(**{"token": None, **how}, now=THIRD_PARTY_AT + 60)
    assert one.verify(THIRD_PARTY) == OfTelegram(PUBLISHED_USER, THIRD_PARTY_AT + DAY)


@given(st.integers(0, len(THIRD_PARTY) - 1), st.sampled_from("0123456789abcdefXYZ-_%&={}"))
def test_the_third_party_example_with_any_character_changed_is_refused(place, text):
    """Its hash is not looked at: Telegram's signature does not cover it."""
    changed = THIRD_PARTY[:place] + text + THIRD_PARTY[place + 1 :]
    one = verifier(None, bot_id=THIRD_PARTY_BOT, now=THIRD_PARTY_AT + 60)
    try:
        found = one.verify(changed)
    except InitDataError:
        return
    assert found == OfTelegram(PUBLISHED_USER, THIRD_PARTY_AT + DAY)


@pytest.mark.parametrize(
    ("text", "how", "flaw"),
    [
        (THIRD_PARTY, {"bot_id": THIRD_PARTY_BOT + 1}, Flaw.FORGED),
        (THIRD_PARTY, {"bot_id": THIRD_PARTY_BOT, "now": THIRD_PARTY_AT + DAY + 1}, Flaw.EXPIRED),
        (THIRD_PARTY, {"bot_id": THIRD_PARTY_BOT, "now": THIRD_PARTY_AT - 60}, Flaw.FUTURE),
        (PUBLISHED, {"bot_id": THIRD_PARTY_BOT, "now": PUBLISHED_AT}, Flaw.FORGED),
        (
            THIRD_PARTY.partition("&signature=")[0] + "&signature=zz",
            {"bot_id": THIRD_PARTY_BOT},
            Flaw.FORGED,
        ),
    ],
    ids=["another bot", "old", "from the future", "without a signature", "no signature"],
)
def test_a_signature_that_proves_nothing_is_refused_by_name(text, how, flaw):
    """For another bot, too old, from the future, without one, with one that is none."""
    assert flaw_of(text, token=None, **{"now": THIRD_PARTY_AT + 60, **how}) == flaw


def test_without_a_token_nobody_can_be_verified():
    """Rather nobody than anybody."""
    assert flaw_of(init_data(74, at=NOW), token=None) == Flaw.UNVERIFIABLE


def test_an_error_repeats_nothing_of_what_was_sent():
    """What was signed, and what it was signed with, stays out of messages."""
    text = init_data(74, at=NOW - 2 * DAY)
    with pytest.raises(InitDataError) as refused:
        verifier().verify(text)
    assert str(refused.value) == "init data expired: open the app from Telegram anew"
    assert TOKEN not in repr(verifier().__dict__)
