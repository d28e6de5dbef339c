"""What browsers may ask for, and what a bad frame is answered with."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.requests import BadFrameError, Ping, Subscribe, parse_request


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"type":"subscribe","userId":74}', Subscribe(74)),
        ('{"type":"subscribe","userId":"74","more":[1]}', Subscribe(74)),
        ('{"type":"subscribe","userId":9007199254740991}', Subscribe(2**53 - 1)),
        ('{"type":"ping","timestamp":1752388040000}', Ping(1752388040000)),
        (
            '{"type":"ping","timestamp":"2025-07-13T06:27:20.000Z"}',
            Ping("2025-07-13T06:27:20.000Z"),
        ),
        ('{"type":"ping"}', Ping(None)),
    ],
)
def test_frames_that_browsers_send_are_understood(text, request_):
    """7 and "7" are one user; unknown members are passed over."""
    assert parse_request(text) == request_


@pytest.mark.parametrize(
    ("frame", "code", "says"),
    [
        (b"{}", "not_text", "binary: send JSON in a text frame"),
        ("", "not_json", "not JSON"),
        ("{", "not_json", "send an object"),
        ("<html>", "not_json", "not JSON"),
        ('{"type":"\\ud800"}', "not_json", "not JSON"),
        ("[1,2]", "not_an_object", r"the frame is \[1,2\]: send an object"),
        ("null", "not_an_object", "the frame is null"),
        ('{"type":"ping","timestamp":' + "[" * 9 + "]" * 9 + "}", "too_deep", "deeper than 8"),
        ("[" * 2000 + "]" * 2000, "too_deep", "send a flat object"),
        ('{"type":"ping","x":"' + "x" * 5000 + '"}', "too_large", "5022 bytes, at most 4096"),
        ("{}", "unknown_type", "the type null is unknown"),
        ('{"type":"juggle"}', "unknown_type", '"juggle" is unknown: send "subscribe" or "ping"'),
        ('{"type":["ping"]}', "unknown_type", "send"),
    ],
)
def test_bad_frame_is_refused_with_what_is_wrong(frame, code, says):
    """The code is for programs, the message holds the value and what to do."""
    with pytest.raises(BadFrameError, match=says) as refused:
        parse_request(frame)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "user_id",
    [
        None,
        "",
        " 7 ",
        "07",
        "\u0667",
        True,
        7.0,
        {"id": 7},
        [7],
        0,
        -7,
        2**53,
        str(2**53),
        "9" * 400,
    ],
)
def test_bad_user_id_is_refused_with_its_value(user_id):
    """Nobody is ever subscribed as "None"."""
    text = json.dumps({"type": "subscribe", "userId": user_id})
    with pytest.raises(BadFrameError, match=r"userId is .*: send a whole number") as refused:
        parse_request(text)
    assert refused.value.code == "bad_user_id"


@given(st.one_of(st.text(), st.binary()))
def test_any_frame_is_understood_or_refused_by_name(data):
    """No input raises anything else."""
    try:
        assert isinstance(parse_request(data), Subscribe | Ping)
    except BadFrameError as error:
        assert str(error)
