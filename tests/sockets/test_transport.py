"""What keeps a stream whole: sizes, silence, compression, shutdown, readers that do not read."""

import socket
import threading
import urllib.error
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed

from app.core import websocket_endpoint
from app.web.limits import Limits


def close_of(client):
    """Read to the end and return why the server closed."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            client.socket.recv(timeout=60)
    return closed.value.rcvd


def read_until(raw, text):
    """Read a raw socket until it said this."""
    heard = b""
    while text not in heard:
        heard += raw.recv(4096)


def test_compression_is_not_agreed_to(server):
    """An offer of permessage-deflate is answered with none."""
    with server.client(compression="deflate") as client:
        assert client.socket.protocol.extensions == []


def test_message_over_the_limit_closes_with_1009(server):
    """The browser is told why, whatever it had still to say."""
    with server.client() as client:
        client.say("x" * (Limits().message_bytes * 4))
        close = close_of(client)
        assert (close.code, close.reason) == (1009, "Message is too big")


def test_silent_socket_is_ended_without_a_close(serve):
    """After the time that was set; a part of production's page never comes back after 1000."""
    with serve(silence_s=0.05) as server, server.client() as client:
        assert close_of(client) is None
        assert dict(server.sockets.closed) == {1006: 1}


def test_stopping_closes_every_socket_with_1012(server):
    """Browsers are told to come back; handlers have ended when the stop returns."""
    with server.client() as one, server.client() as two:
        two.subscribe(74)
        server.sockets.stop()
        assert len(server.sockets) == 0
        assert close_of(one).code == close_of(two).code == 1012


def test_stopped_server_turns_new_sockets_away(server):
    """Until it is started again."""
    server.sockets.stop()
    with pytest.raises(ConnectionClosed) as closed, server.client():
        pass
    assert closed.value.rcvd.code == 1012
    server.sockets.start()
    with server.client() as client:
        assert client.greeting


def test_failing_handler_closes_with_1011_and_no_page_in_the_stream(server, monkeypatch):
    """An exception is logged, never written to the browser."""
    monkeypatch.setattr(websocket_endpoint.WebSocketEndpoint, "received", lambda *_: 1 / 0)
    with server.client() as client:
        client.say("{}")
        close = close_of(client)
        assert (close.code, close.reason) == (1011, "the server failed: come back")


def test_frames_stay_whole_beside_pings_and_other_senders(server):
    """Many large frames, and the library's pongs between them, all arrive as they were sent."""
    with server.client(max_size=None) as client:
        client.subscribe(74)
        (connection,) = server.service.connections_of(74)
        payload = "x" * 50_000

        def send(name):
            for number in range(15):
                connection.send(f'{{"type":"big","from":"{name}{number}","x":"{payload}"}}')

        senders = [threading.Thread(target=send, args=(name,)) for name in "ab"]
        for sender in senders:
            sender.start()
        pongs = [client.socket.ping() for _ in range(20)]
        heard = [client.hear("big")["from"] for _ in range(30)]
        for sender in senders:
            sender.join(60)
        assert [name for name in heard if name[0] == "a"] == [f"a{n}" for n in range(15)]
        assert [name for name in heard if name[0] == "b"] == [f"b{n}" for n in range(15)]
        assert all(pong.wait(60) for pong in pongs)


def test_reader_that_does_not_read_holds_nobody_up(server):
    """Its own connection is closed and counted; handing over never blocks."""
    with socket.create_connection(("127.0.0.1", server.http.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        read_until(raw, b"connection_established")
        subscribe = b'{"type":"subscribe","userId":75}'
        raw.sendall(bytes([0x81, 0x80 | len(subscribe)]) + b"\0\0\0\0" + subscribe)
        read_until(raw, b"subscription_confirmed")
        (slow,) = server.service.connections_of(75)
        with pytest.raises(ConnectionError, match="reads too slowly"):
            for _ in range(1000):
                slow.send("x" * 1_000_000)
        assert not slow.is_open
        with server.client() as client:
            server.truth.open_account(74)
            client.subscribe(74)
            server.noted(74)
            server.book(74, "1")
            assert client.hear("balance_update")["version"] == 1


@pytest.mark.parametrize("headers", [{}, {"Connection": "Upgrade", "Upgrade": "websocket"}])
def test_request_that_is_no_handshake_is_a_bad_request(server, headers):
    """Plain HTTP on the route, or half a handshake: 400, and not a failure of ours."""
    request = urllib.request.Request(f"http://127.0.0.1:{server.http.port}/ws", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 400
    refused.value.close()
