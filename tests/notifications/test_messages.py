"""The wire, to the letter."""

import json
from decimal import Decimal

from app.notifications import messages
from app.notifications.messages import BalanceFrame
from tests.notifications.doubles import EPOCH

AT = "2025-07-13T00:00:00.000Z"


def test_balance_update_is_what_browsers_speak_with_versions_added():
    """Names and nesting are production's; amounts are exact numbers; both changes are there."""
    frame = BalanceFrame(
        user_id=74,
        version=9,
        since=7,
        uni=Decimal("8999999999.123457"),
        ton=Decimal("12.500000"),
        change_uni=Decimal("0.100000"),
        change_ton=Decimal(0),
        sources=("farming", "boost_income"),
        at=EPOCH,
    )
    assert messages.balance_update(frame) == (
        '{"type":"balance_update","userId":74,"balanceData":{"balanceUni":8999999999.123457,'
        '"balanceTon":12.500000,"changes":{"uni":0.100000,"ton":0},'
        '"sources":["farming","boost_income"],"timestamp":"2025-07-13T00:00:00.000Z"},'
        '"version":9,"since":7}'
    )


def test_the_other_frames_are_what_browsers_speak():
    """Greeting, confirmation, pong with the ping's own timestamp, and errors."""
    assert json.loads(messages.connection_established("c1", EPOCH)) == {
        "type": "connection_established",
        "connectionId": "c1",
        "timestamp": AT,
    }
    assert json.loads(messages.subscription_confirmed(74, EPOCH)) == {
        "type": "subscription_confirmed",
        "userId": 74,
        "timestamp": AT,
    }
    assert json.loads(messages.pong(1752388040000)) == {"type": "pong", "timestamp": 1752388040000}


def test_balances_of_either_legacy_shape_are_read():
    """Rounded to six decimals, whatever a binary double printed."""
    aware = '{"balanceData":{"balanceUni":0.30000000000000004,"balanceTon":1e-7}}'
    by_id = '{"data":{"balance_uni":7,"balance_ton":1.5}}'
    assert messages.shown_balance(aware) == (Decimal("0.3"), Decimal(0))
    assert messages.shown_balance(by_id) == (Decimal(7), Decimal("1.5"))


def test_a_balance_that_is_text_is_shown_like_a_number():
    """Legacy sends what its caller gave: a page shows "0.5" as it shows 0.5."""
    text = '{"balanceData":{"balanceUni":"0.5","balanceTon":"1e1"}}'
    assert messages.shown_balance(text) == (Decimal("0.5"), Decimal(10))


def test_frame_without_a_balance_shows_none():
    """Nonsense is no balance and no error."""
    for odd in ('"abc"', '"NaN"', '"Infinity"', "true", "[]"):
        said = f'{{"balanceData":{{"balanceUni":{odd},"balanceTon":1}}}}'
        assert messages.shown_balance(said) is None
    for text in ("", "{", "[]", "{}", '{"data":{}}', '{"data":{"balance_uni":null}}', "7"):
        assert messages.shown_balance(text) is None
    assert messages.shown_balance('{"data":{"balance_uni":NaN,"balance_ton":1}}') is None
    assert messages.shown_balance('{"data":{"balance_uni":1e999,"balance_ton":1}}') is None
