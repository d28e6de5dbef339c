"""What the handover leans on in gunicorn, flask-sock and simple-websocket.

If one of these fails after an upgrade, app/web/handover.py names what changed below it.
"""

import socket
import ssl
import threading
from contextlib import ExitStack

import pytest
from flask import Flask
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from werkzeug.test import create_environ

from app.web.handover import HeldBack, NoThread, must_wait, take_socket
from tests.sockets.raw import PING, PONG, RawBrowser, frame
from tests.sockets.seam import (
    GTHREAD,
    OURS,
    browser_of,
    counts,
    environ_of,
    gunicorn,
    prepared,
    wait_for,
)


@pytest.mark.processes
@pytest.mark.parametrize("worker_class", [GTHREAD, OURS])
def test_gunicorn_lets_go_of_its_sockets(worker_class):
    """60 sockets on 4 threads and 40 connections: all live, HTTP goes on, nothing is counted."""
    with gunicorn(worker_class) as port, ExitStack() as stack:
        browsers = [stack.enter_context(RawBrowser(port)) for _ in range(60)]
        for browser in browsers:
            browser.say(frame(PING, b"here"))
            assert browser.hear() == (PONG, b"here")
        assert counts(port)["sockets"] == 60
        wait_for(lambda: counts(port)["connections"] == 1)  # the one that asks
        for browser in browsers:
            browser.sock.close()
        wait_for(lambda: counts(port)["sockets"] == 0)
        wait_for(lambda: counts(port)["connections"] == 1)
        assert counts(port)["threads"] <= 4 + 3


def test_simple_websocket_answers_and_starts_no_thread(pair):
    """Its constructor says 101, and the class that is given for threads is all it builds."""
    ours, theirs = pair
    before = threading.active_count()
    ws = Server(environ_of(ours), thread_class=NoThread)
    assert theirs.recv(4096).startswith(b"HTTP/1.1 101 ")
    assert isinstance(ws.thread, NoThread)
    assert threading.active_count() == before
    assert (ws.sock, ws.mode, must_wait(ws)) == (ours, "gunicorn", False)


def test_answer_is_held_back(pair):
    """The browser is told nothing until the I/O thread says it, with the first frame."""
    ours, theirs = pair
    ws = Server(prepared(ours), thread_class=NoThread)
    assert isinstance(ws.sock, HeldBack)
    assert ws.mode == "gunicorn"
    with browser_of(ws) as (taken, answer):
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert answer.endswith(b"\r\n\r\n")
        taken.send(b"first")
        assert theirs.recv(4096) == b"first"


def test_simple_websocket_agrees_to_compression_unless_it_is_not_offered(pair):
    """Which is why the offer is taken away before it sees it."""
    ours, theirs = pair
    offer = {"HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate"}
    Server(environ_of(ours, **offer), thread_class=NoThread)
    assert b"permessage-deflate" in theirs.recv(4096)
    ws = Server(prepared(ours, **offer), thread_class=NoThread)
    assert b"permessage-deflate" not in ws.sock.answer


def test_simple_websocket_needs_nothing_of_what_is_left_out(pair):
    """Cookies and all else that a browser says of itself would only be parsed once more."""
    ours, _ = pair
    ws = Server(
        prepared(ours, HTTP_COOKIE="session=x", HTTP_ORIGIN="http://x"), thread_class=NoThread
    )
    assert ws.sock.answer == Server(prepared(ours), thread_class=NoThread).sock.answer


def test_taken_socket_outlives_all_that_the_server_does_with_its_own(pair):
    """Made blocking, shut down and closed by the server: the browser notices nothing."""
    ours, theirs = pair
    ws = Server(prepared(ours), thread_class=NoThread)
    with browser_of(ws) as (taken, _):
        with pytest.raises(ConnectionClosed):
            ws.close()
        ours.setblocking(True)
        ours.shutdown(socket.SHUT_WR)
        assert ours.recv(1) == b""
        with pytest.raises(BrokenPipeError):
            ours.send(b"HTTP/1.1 200 OK")
        ours.close()
        taken.send(b"still here")
        assert theirs.recv(4096) == b"still here"


def test_second_socket_is_left_as_the_first(pair):
    """One ended socket serves for all: what a server does with its own changes nothing there."""
    for _ in range(2):
        ours, theirs = socket.socketpair()
        with ours, theirs, browser_of(Server(prepared(ours), thread_class=NoThread)) as (taken, _):
            assert ours.recv(1) == b""
            ours.shutdown(socket.SHUT_RDWR)
            ours.close()
            taken.send(b"here")
            assert theirs.recv(10) == b"here"


def test_socket_with_tls_is_refused_by_name(pair):
    """Its keys would stay with the server."""
    ours, _ = pair
    ws = Server(prepared(ours), thread_class=NoThread)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as wrapped:
        ws.sock = HeldBack(wrapped)
        with pytest.raises(RuntimeError, match="let a proxy do that"):
            take_socket(ws)


def test_flask_sock_ends_the_request_without_an_answer(pair):
    """For gunicorn it raises StopIteration after the handler, whatever `close` raised."""
    ours, _ = pair
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}
    taken = []

    @Sock(app).route("/ws")
    def handler(ws):
        taken.append(take_socket(ws))

    said = []
    with pytest.raises(StopIteration):
        app({**create_environ("/ws"), **prepared(ours)}, lambda *answer: said.append(answer))
    assert said == []
    taken[0].sock.close()
