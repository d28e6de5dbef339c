"""What no browser says, and what it may say in an odd way, on real sockets."""

import json
import struct

import pytest

from tests.sockets.raw import (
    BINARY,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    TEXT,
    RawBrowser,
    frame,
)

ASK = json.dumps({"type": "ping", "timestamp": 7}).encode()
ANSWER = {"type": "pong", "timestamp": 7}


@pytest.fixture
def browser(server):
    """Return a raw browser that was greeted."""
    with RawBrowser(server.http.port) as raw:
        raw.hear_json("connection_established")
        yield raw


def closing(code):
    """Return a close frame with this code."""
    return frame(CLOSE, struct.pack("!H", code))


def lives(browser):
    """Whether the stream goes on."""
    browser.say(frame(TEXT, ASK))
    return browser.hear_json() == ANSWER


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(TEXT, ASK, masked=False), 1002),
        (frame(0x3), 1002),
        (frame(0xB), 1002),
        (frame(TEXT | 0x40, ASK), 1002),
        (frame(CONTINUATION, ASK), 1002),
        (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", fin=False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, struct.pack("!H", 1005)), 1002),
        (bytes([TEXT | FIN, 0x80 | 126, 0, 5, 1, 2, 3, 4]), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, "é".encode()[:1]), 1007),
        (frame(TEXT, b"\xff" * 200), 1007),
        (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
        (frame(TEXT, b"x" * 70_000), 1009),
        (frame(BINARY, b"x" * 70_000), 1009),
        (frame(TEXT, b"x" * 70_000, claim=500_000_000), 1009),
        (b"".join(frame(TEXT if n == 0 else 0, b"x" * 9000, fin=False) for n in range(8)), 1009),
    ],
    ids=[
        "unmasked",
        "reserved opcode",
        "reserved control opcode",
        "reserved bit",
        "continuation of nothing",
        "text within a text",
        "long ping",
        "fragmented ping",
        "close of one byte",
        "close with a code that is never sent",
        "length in two bytes that needs one",
        "bad UTF-8",
        "half a character",
        "bad UTF-8 in a long frame",
        "bad UTF-8 in a close",
        "70 KB",
        "70 KB binary",
        "500 MB claimed",
        "fragments of 72 KB",
    ],
)
def test_what_no_browser_says_closes_its_socket_alone(server, browser, said, code):
    """With the code that RFC 6455 has for it; another browser hears nothing of it."""
    with RawBrowser(server.http.port) as other:
        other.hear_json("connection_established")
        browser.say(said)
        assert browser.close_code()[0] == code
        with pytest.raises(EOFError):
            browser.hear()
        assert lives(other)


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535])
def test_close_with_a_code_that_nobody_may_send_is_a_protocol_error(browser, code):
    """Reserved, for use inside an end only, or of no range that there is."""
    browser.say(closing(code))
    assert browser.close_code()[0] == 1002


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1012, 3000, 4000, 4999])
def test_close_with_a_code_that_may_be_sent_is_answered_with_it(browser, code):
    """Those of the standard, of libraries and of applications."""
    browser.say(closing(code))
    assert browser.close_code()[0] == code


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONTINUATION, PING, CLOSE])
def test_reserved_bits_are_a_protocol_error(browser, bit, opcode):
    """No extension was agreed on that would give them a meaning."""
    browser.say(frame(TEXT, b"x", fin=False), frame(opcode | bit, b""))
    assert browser.close_code()[0] == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes_are_a_protocol_error(browser, opcode):
    """Also in the middle of a message."""
    browser.say(frame(TEXT, b"x", fin=False), frame(opcode, b"x"))
    assert browser.close_code()[0] == 1002


@pytest.mark.parametrize(
    "parts",
    [
        (b"\xce\xba", b"\xe1\xbd", b"\xed\xa0\x80"),
        (b"\xf4", b"\x90", b"\x80\x80"),
        (b"ok", b"\xc3", b""),
        (b"\xe2\x82", b"", b"x"),
    ],
    ids=["a surrogate", "beyond Unicode", "half a character", "a character cut short"],
)
def test_bad_utf_8_over_several_fragments_is_bad_data(browser, parts):
    """Wherever the fragments are cut, and with a ping between them."""
    last = len(parts) - 1
    for number, part in enumerate(parts):
        opcode = TEXT if number == 0 else CONTINUATION
        browser.say(frame(opcode, part, fin=number == last), frame(PING, b"p"))
    while True:
        opcode, payload = browser.hear()
        if opcode == CLOSE:
            break
        assert (opcode, payload) == (PONG, b"p")
    assert struct.unpack("!H", payload[:2])[0] == 1007


def test_what_was_asked_before_a_bad_frame_is_answered_before_the_close(browser):
    """All of it came in one packet."""
    browser.say(frame(TEXT, ASK), frame(PING, b"1"), frame(0x3))
    assert browser.hear_json() == ANSWER
    assert browser.hear() == (PONG, b"1")
    assert browser.close_code()[0] == 1002


@pytest.mark.parametrize(
    "pieces",
    [
        [frame(TEXT, ASK[:5], fin=False), frame(CONTINUATION, ASK[5:])],
        [frame(TEXT, ASK[:1], fin=False), frame(0, b"", fin=False), frame(0, ASK[1:])],
        [bytes([byte]) for byte in frame(TEXT, ASK)],
        [frame(TEXT, b" " * 3000 + ASK)],
        [frame(PONG, b"unasked"), frame(TEXT, ASK)],
    ],
    ids=["two fragments", "empty fragment", "byte by byte", "long frame", "pong before it"],
)
def test_message_is_understood_however_it_comes(browser, pieces):
    """Whole, in fragments, in single bytes; and the stream goes on."""
    for piece in pieces:
        browser.say(piece)
    assert browser.hear_json() == ANSWER
    assert lives(browser)


def test_fragmented_character_is_put_together(browser):
    """A character may be cut between two fragments, and is echoed whole."""
    text = json.dumps({"type": "ping", "timestamp": "zurück"}, ensure_ascii=False).encode()
    cut = text.index("ü".encode()) + 1
    browser.say(frame(TEXT, text[:cut], fin=False), frame(CONTINUATION, text[cut:]))
    assert browser.hear_json() == {"type": "pong", "timestamp": "zurück"}


def test_binary_message_is_met_with_silence_and_the_stream_goes_on(server, browser):
    """It is not text, which is counted."""
    browser.say(frame(BINARY, ASK))
    assert lives(browser)
    assert server.admission.snapshot()["unread"] == {"not_text": 1}


def test_control_frames_and_answers_keep_their_order(browser):
    """Pings between messages and between fragments: each answer at its place."""
    browser.say(
        frame(PING, b"1"),
        frame(TEXT, b"{"),
        frame(PING, b"2"),
        frame(TEXT, ASK[:9], fin=False),
        frame(PING, b"3"),
        frame(CONTINUATION, ASK[9:]),
        frame(PING, b"4"),
    )
    assert browser.hear() == (PONG, b"1")
    assert browser.hear() == (PONG, b"2")
    assert browser.hear() == (PONG, b"3")
    assert browser.hear_json() == ANSWER
    assert browser.hear() == (PONG, b"4")


@pytest.mark.parametrize(
    ("payload", "answer"),
    [(b"", (1000, "")), (struct.pack("!H", 1001) + b"bye", (1001, "bye"))],
)
def test_close_is_answered_and_ends_the_stream(server, browser, payload, answer):
    """With the browser's own code; what it says afterwards is not heard."""
    browser.subscribe(7)
    browser.say(frame(CLOSE, payload), frame(TEXT, b'{"type":"subscribe","userId":8}'))
    assert browser.close_code() == answer
    with pytest.raises(EOFError):
        browser.hear()
    server.sockets.stop()
    assert server.service.get_connection_stats().connections == 0
    assert dict(server.sockets.closed) == {answer[0]: 1}
