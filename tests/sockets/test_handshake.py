"""Handshakes that are answered without wsproto, and those that are not.

If one of these fails after an upgrade, app/web/handshake.py names what changed below it.
"""

import flask_sock
import pytest
from flask import Flask
from flask_sock import Sock
from simple_websocket import Server
from werkzeug.test import create_environ
from wsproto.utilities import RemoteProtocolError

from app.web import handshake
from app.web.handover import NoThread, take_socket
from app.web.handshake import PromptServer
from tests.sockets.seam import environ_of, prepared


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"HTTP_CONNECTION": "keep-alive, Upgrade"},
        {"HTTP_CONNECTION": "upgrade", "HTTP_HOST": "[::1]:8000", "HTTP_UPGRADE": "WebSocket"},
        {"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ=="},
        {"HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate"},
    ],
)
def test_ordinary_handshake_is_answered_as_wsproto_does_without_it(pair, monkeypatch, said):
    """Byte for byte, and wsproto is not asked."""
    ours, _ = pair
    expected = Server(prepared(ours, **said), thread_class=NoThread).sock.answer
    monkeypatch.setattr(Server, "handshake", lambda self: pytest.fail("it was asked"))
    ws = PromptServer(prepared(ours, **said), thread_class=NoThread)
    assert ws.sock.answer == expected
    assert ws.connected


@pytest.mark.parametrize(
    "said",
    [
        {"HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"HTTP_CONNECTION": "Upgrade, x"},
        {"HTTP_HOST": "x,y"},
    ],
)
def test_handshake_that_is_not_ordinary_is_left_to_wsproto(pair, said):
    """It is answered as it always was."""
    ours, _ = pair
    expected = Server(prepared(ours, **said), thread_class=NoThread).sock.answer
    assert PromptServer(prepared(ours, **said), thread_class=NoThread).sock.answer == expected


@pytest.mark.parametrize(
    "said",
    [
        {"HTTP_SEC_WEBSOCKET_VERSION": "12"},
        {"HTTP_CONNECTION": "keep-alive"},
        {"HTTP_UPGRADE": "h2c"},
        {"HTTP_HOST": "x y\n"},
    ],
)
def test_what_is_no_handshake_is_refused_by_wsproto(pair, said):
    """Nothing is agreed to that it would not agree to."""
    ours, _ = pair
    with pytest.raises(RemoteProtocolError):
        PromptServer(prepared(ours, **said), thread_class=NoThread)


def test_socket_that_is_not_taken_away_is_upgraded_by_wsproto(pair):
    """Another route of flask-sock needs its state to say anything."""
    ours, theirs = pair
    ws = PromptServer(environ_of(ours), thread_class=NoThread)
    assert theirs.recv(4096).startswith(b"HTTP/1.1 101 ")
    ws.send("hello")
    assert theirs.recv(4096) == b"\x81\x05hello"


def test_flask_sock_builds_what_stands_at_the_name(pair, monkeypatch):
    """It looks `Server` up in its module at every handshake, also for a route made before."""
    ours, _ = pair
    app = Flask(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": NoThread}
    monkeypatch.setattr(flask_sock, "Server", Server)
    built = []

    @Sock(app).route("/ws")
    def handler(ws):
        built.append(type(ws))
        take_socket(ws).sock.close()

    handshake.install()
    with pytest.raises(StopIteration):
        app({**create_environ("/ws"), **prepared(ours)}, lambda *answer: None)
    assert built == [PromptServer]
