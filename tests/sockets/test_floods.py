"""More than anybody needs to say: messages without end, and frames that say nothing."""

import threading
from contextlib import contextmanager

import psutil
import pytest

from tests.sockets.raw import BINARY, CONTINUATION, PING, PONG, TEXT, RawBrowser, frame

HALF_A_GIGABYTE = 500_000_000
PIECE = b"x" * 65_536
TIMES = 20 * HALF_A_GIGABYTE // len(PIECE)
"""More than loopback carries in the second for which the server reads on."""


def one_frame(opcode):
    """Yield a frame that claims 500 MB, and goes on; under its mask all of it may be anything."""
    yield frame(opcode, b"", claim=HALF_A_GIGABYTE)
    for _ in range(TIMES):
        yield PIECE


def fragments(opcode):
    """Yield a message in fragments of 64 KB each."""
    yield frame(opcode, b"x" * 1000, fin=False)
    piece = frame(CONTINUATION, PIECE, fin=False)
    for _ in range(TIMES):
        yield piece


@contextmanager
def saying(browser, pieces):
    """Send on a thread until all is said or the server ends it; yield how much was said."""
    said = []

    def send():
        try:
            for piece in pieces:
                browser.sock.sendall(piece)
                said.append(len(piece))
        except OSError:
            return

    thread = threading.Thread(target=send)
    thread.start()
    yield said
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("message", [one_frame, fragments])
def test_half_a_gigabyte_closes_with_1009_and_costs_no_memory(server, message, opcode):
    """It is not taken in: the server says why, reads on for a second, and cuts the browser off."""
    process = psutil.Process()
    with RawBrowser(server.http.port) as other, RawBrowser(server.http.port) as browser:
        other.hear_json("connection_established")
        browser.hear_json("connection_established")
        before = process.memory_info().rss
        with saying(browser, message(opcode)) as said:
            assert browser.close_code()[0] == 1009
            other.say_json({"type": "ping", "timestamp": 1})
            assert other.hear_json()["type"] == "pong"
        assert len(said) < TIMES
        assert process.memory_info().rss - before < 16 * 1024 * 1024
    assert server.sockets.closed[1009] == 1


@pytest.mark.parametrize(
    "said",
    [
        frame(PING, b"x" * 125),
        frame(PONG),
        frame(TEXT, b"{}"),
        frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b"", fin=False) * 1000,
        frame(TEXT, b"{", fin=False) + frame(CONTINUATION, b" ", fin=False) * 1000,
    ],
    ids=["pings", "pongs", "texts", "empty fragments", "short fragments"],
)
def test_a_thousand_frames_at_once_close_with_1008(serve, said):
    """Whatever they are: each costs the server work, and most ask for an answer."""
    with serve(message_burst=50) as server, RawBrowser(server.http.port) as browser:
        browser.hear_json("connection_established")
        with saying(browser, [said] * 1000):
            assert browser.close_code()[0] == 1008
    assert server.admission.snapshot()["refused"] == {"too_fast": 1}


def test_pings_within_the_bound_are_answered(serve):
    """One by one, and none costs the page its place."""
    with serve(message_burst=50) as server, RawBrowser(server.http.port) as browser:
        browser.hear_json("connection_established")
        for number in range(40):
            browser.say(frame(PING, b"%d" % number))
            assert browser.hear() == (PONG, b"%d" % number)
