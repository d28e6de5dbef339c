"""The worker that answers handshakes on the thread that accepts, under gunicorn itself.

If one of these fails after an upgrade, app/web/worker.py names what changed below it.
"""

import socket
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from tests.patience import patient
from tests.sockets.raw import HANDSHAKE, PING, PONG, RawBrowser, frame
from tests.sockets.seam import counts, gunicorn, wait_for

pytestmark = pytest.mark.processes


def test_handshake_waits_for_no_thread():
    """While every thread is held by a request, a browser is let in and answered."""
    with gunicorn() as port, ExitStack() as stack:
        for _ in range(4):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            held.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        with RawBrowser(port) as browser:
            browser.say(frame(PING, b"here"))
            assert browser.hear() == (PONG, b"here")


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        HANDSHAKE[:40],
        HANDSHAKE.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"),
        HANDSHAKE.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
    ids=["nothing", "a part", "no body", "no chunk"],
)
def test_whoever_does_not_go_on_holds_nobody_up(begun):
    """One that stops half-way is waited for where it holds up neither requests nor handshakes."""
    with gunicorn() as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as stopped:
            stopped.sendall(begun)
            begun_at = time.monotonic()
            with RawBrowser(port):
                assert counts(port)["sockets"] >= 1
            assert time.monotonic() - begun_at < patient(4)
        wait_for(lambda: counts(port)["connections"] == 1)  # the one that asks


def test_request_that_calls_itself_a_handshake_waits_for_a_thread():
    """Whatever its headers say, a page is not made on the thread that accepts."""
    with gunicorn() as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as held:
            held.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n")
            wait_for(lambda: counts(port)["connections"] == 2)
        wait_for(lambda: counts(port)["connections"] == 1)  # the one that asks


def test_who_says_nothing_holds_no_thread():
    """As many as there are threads, and more: requests are answered all the same."""
    with gunicorn() as port, ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
        begun_at = time.monotonic()
        wait_for(lambda: counts(port)["connections"] == 13)
        assert time.monotonic() - begun_at < patient(4)
        wait_for(lambda: counts(port)["connections"] == 1)  # they are let go


def test_handshake_in_two_parts_is_answered():
    """The rest is waited for."""
    with (
        gunicorn() as port,
        socket.create_connection(("127.0.0.1", port), timeout=60) as browser,
    ):
        browser.sendall(HANDSHAKE[:60])
        assert counts(port)["sockets"] == 0
        browser.sendall(HANDSHAKE[60:])
        assert browser.recv(4096).startswith(b"HTTP/1.1 101 ")
        wait_for(lambda: counts(port)["sockets"] == 1)


def test_refused_handshake_leaves_a_connection_that_goes_on():
    """What is answered over HTTP on the thread that accepts is a request like any other."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "12"}
    with gunicorn() as port, closing(HTTPConnection("127.0.0.1", port, timeout=10)) as browser:
        for _ in range(2):
            browser.request("GET", "/ws", headers=upgrade)
            answer = browser.getresponse()
            assert answer.status == 400
            assert b"no WebSocket handshake" in answer.read()
