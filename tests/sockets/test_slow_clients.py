"""Clients that are slow, under gunicorn itself: they delay nobody, and they are not waited for."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app.web.client import unmapped
from tests.sockets.seam import counts, gunicorn, wait_for
from tests.sockets.seam_server import BIG

pytestmark = pytest.mark.processes

HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\n"
HALVES = {
    "head": b"GET /counts HTTP/1.1\r\nHost: x\r\nX-A: ",
    "body": HEAD + b"Content-Length: 100\r\n\r\nab",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "nothing after Expect": HEAD + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
}
SOON_S = 8.0
"""One that waited for each of them in turn would take minutes."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve with one worker of four threads, which lets 40 connections in."""
    with gunicorn() as found:
        yield found


def connected(port: int, data: bytes = b"") -> socket.socket:
    """Return a connection that has sent this."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.sendall(data)
    return sock


def all_of(sock: socket.socket) -> bytes:
    """Read to the end."""
    found = b""
    while data := sock.recv(65536):
        found += data
    return found


def answers_soon(port: int) -> bool:
    """Whether another client is answered at once."""
    began = time.monotonic()
    counts(port)
    return time.monotonic() - began < SOON_S


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_holds_no_thread(port: int, half: str) -> None:
    """Five times as many as there are threads stop half-way, and others are answered."""
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connected(port, HALVES[half]))
        assert answers_soon(port)


def test_refused_handshakes_do_not_hold_up_who_accepts(port: int) -> None:
    """Forty that are answered with 400 and do not hang up are let go beside the others."""
    bad = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        refused = [stack.enter_context(connected(port, bad)) for _ in range(40)]
        assert answers_soon(port)
        assert all_of(refused[0]).startswith(b"HTTP/1.1 400 ")


def test_connections_that_wait_make_room(port: int) -> None:
    """More than the worker lets in ask nothing: whoever asks is answered."""
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connected(port))
        assert answers_soon(port)
        assert counts(port)["connections"] <= 40


def test_whoever_does_not_read_its_answer_holds_no_thread(port: int) -> None:
    """The answer waits for its reader, not in a thread; whoever reads gets all of it."""
    ask = b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        readers = [stack.enter_context(connected(port, ask)) for _ in range(8)]
        assert readers[0].recv(1)
        assert answers_soon(port)
        _, _, body = (b"H" + all_of(readers[0])).partition(b"\r\n\r\n")
        assert body == b"x" * BIG


def test_whole_requests_are_answered_whatever_their_form(port: int) -> None:
    """With a length, in chunks, told to go on once, and several sent at once, in their order."""
    with connected(port, HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n") as sock:
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hi")
        time_out, answer = time.monotonic() + 20, b""
        while not answer.endswith(b"\r\n\r\nhi") and time.monotonic() < time_out:
            answer += sock.recv(4096)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.count(b"HTTP/1.1") == 1
        chunked = b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        last = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\nz"
        sock.sendall(HEAD + chunked + HEAD + b"Content-Length: 0\r\n\r\n" + last)
        answers = all_of(sock)
        assert answers.count(b"HTTP/1.1 200 ") == 3
        assert answers.index(b"\r\n\r\nabc") < answers.index(b"\r\n\r\nz")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 500 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 400_000, b"413"),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"400"),
        (b"GET /" + b"y" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"414"),
    ],
    ids=["many headers", "long head", "long body", "no length", "long address"],
)
def test_too_much_is_answered_and_ended(port: int, data: bytes, status: bytes) -> None:
    """The client is told, and the connection goes no further."""
    with connected(port, data) as sock:
        assert all_of(sock).startswith(b"HTTP/1.1 " + status)


def test_nobody_is_waited_for_without_end() -> None:
    """A request that stops, or drips, is answered with 408; who reads nothing is cut off."""
    with gunicorn(SEAM_PATIENCE_S="1.5") as port, ExitStack() as stack:
        halves = [stack.enter_context(connected(port, half)) for half in HALVES.values()]
        drip = stack.enter_context(connected(port, HALVES["body"]))
        stack.enter_context(connected(port, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"))
        stack.enter_context(connected(port))
        until = time.monotonic() + 30
        try:
            while time.monotonic() < until:
                drip.sendall(b"x")
                time.sleep(0.2)
        except OSError:
            pass  # it was cut
        assert time.monotonic() < until
        for half in halves:
            assert b"HTTP/1.1 408 " in all_of(half)
        wait_for(lambda: counts(port)["connections"] == 1)  # the one that asks


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        (("::ffff:127.0.0.1", 5, 0, 0), ("127.0.0.1", 5, 0, 0)),
        (("::1", 5, 0, 0), ("::1", 5, 0, 0)),
        (("10.1.2.3", 5), ("10.1.2.3", 5)),
        ("", ""),
    ],
)
def test_a_proxy_is_known_by_its_address_whatever_the_listener_speaks(
    address: object, plain: object
) -> None:
    """Where IPv6 is listened to, a proxy that comes by IPv4 is the same."""
    assert unmapped(address) == plain
