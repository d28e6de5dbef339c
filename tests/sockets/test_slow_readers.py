"""Browsers that read slowly, stop reading, vanish or are silent."""

import socket
import struct
import threading
from decimal import Decimal

import pytest

from app.notifications.messages import BalanceFrame
from tests.notifications.doubles import EPOCH
from tests.sockets.raw import PING, PONG, RawBrowser, frame

BIG = "x" * 200_000


def subscribed(server, user_id, **options):
    """Return a raw browser of the user, whose account is open, and its connection."""
    server.truth.open_account(user_id)
    raw = RawBrowser(server.http.port, **options)
    raw.subscribe(user_id)
    return raw, server.noted(user_id)


def stop_reading(connection):
    """Fill the way to a browser that does not read, until frames wait."""
    while not connection.waiting:
        connection.send(f'{{"type":"big","x":"{BIG}"}}')


def gone(server, raw):
    """Wait until the server has let a browser go."""
    with pytest.raises((EOFError, ConnectionError)):
        while True:
            raw.hear()
    server.sockets.stop()


def state(version):
    """Return canonical state whose balance is its version."""
    one = Decimal(1)
    return BalanceFrame(
        75, version, version - 1, Decimal(version), one, one, Decimal(0), ("farming",), EPOCH
    )


def test_state_that_is_withdrawn_while_it_is_on_its_way_costs_no_page_its_socket(server):
    """A flip may take back at any moment what the I/O thread was told of."""
    raw, connection = subscribed(server, 75)
    with raw:
        for version in range(1, 3001):
            connection.offer(state(version))
            connection.withdraw()
        connection.send('{"type":"done"}')
        raw.hear_json("done")
        assert connection.is_open


def test_slow_reader_holds_one_frame_and_one_state(server):
    """However much is booked meanwhile: then it hears the newest balance and the whole change."""
    raw, slow = subscribed(server, 75, receive_buffer=4096)
    with raw:
        stop_reading(slow)
        for version in range(1, 1001):
            slow.offer(state(version))
        assert slow.waiting <= 3
        update = raw.hear_json("balance_update")
        assert (update["since"], update["version"]) == (0, 1000)
        assert update["balanceData"]["balanceUni"] == 1000
        assert update["balanceData"]["changes"]["uni"] == 1000


def test_slow_reader_delays_nobody(server):
    """Others are sent to while its frame is unfinished."""
    raw, slow = subscribed(server, 75, receive_buffer=4096)
    with raw, server.client() as client:
        stop_reading(slow)
        server.truth.open_account(74)
        client.subscribe(74)
        server.noted(74)
        for version in range(1, 4):
            server.book(74, "1")
            assert client.hear("balance_update")["version"] == version
        assert slow.is_open


def test_reader_that_stops_is_cut_off(serve):
    """After the time that was set without progress, with a reason that is counted."""
    with serve(stall_s=0.1) as server:
        raw, slow = subscribed(server, 75, receive_buffer=4096)
        with raw:
            stop_reading(slow)
            ended = threading.Event()
            while slow.is_open:
                ended.wait(0.01)
            assert slow.closing.reason == "reads too slowly: nothing for 0.1 s"
            gone(server, raw)
        assert server.sockets.closed[1013] == 1
        assert server.service.connections_of(75) == ()


def test_reader_that_reads_a_little_is_not_cut_off(serve):
    """Progress counts, not speed: a large frame may take many times the deadline."""
    with serve(stall_s=0.2) as server:
        raw, slow = subscribed(server, 75, receive_buffer=4096)
        with raw:
            stop_reading(slow)
            slow.send('{"type":"end"}')
            assert raw.hear_json("end")
            assert slow.is_open


def test_frames_that_leave_in_pieces_arrive_whole(server):
    """With pings and canonical state in between."""
    raw, slow = subscribed(server, 75, receive_buffer=4096)
    with raw:
        stop_reading(slow)
        raw.say(frame(PING, b"here"))
        raw.say_json({"type": "ping", "timestamp": 1})
        heard = set()
        slow.offer(state(1))
        while len(heard) < 4:
            opcode, payload = raw.hear()
            if opcode == PONG:
                heard.add(payload)
            elif payload.startswith(b'{"type":"big"'):
                assert len(payload) == len(BIG) + 21
                heard.add("big")
            else:
                heard.add(payload[:20])
        assert heard == {"big", b"here", b'{"type":"pong","time', b'{"type":"balance_upd'}


def test_withdrawn_state_never_reaches_a_slow_reader(server):
    """What was not begun when it was taken back is not sent later."""
    raw, slow = subscribed(server, 75, receive_buffer=4096)
    with raw:
        stop_reading(slow)
        slow.offer(state(1))
        slow.withdraw(0.01)
        assert slow.base_version == 0
        slow.send('{"type":"end"}')
        types = set()
        while "end" not in types:
            types.add(raw.hear_json()["type"])
        assert types == {"big", "end"}


def test_peer_that_vanishes_is_forgotten(server):
    """A reset, without a close: counted as abnormal, taken from the registry."""
    raw, _ = subscribed(server, 75)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.sock.close()
    ended = threading.Event()
    while server.service.connections_of(75):
        ended.wait(0.01)
    server.sockets.stop()
    assert dict(server.sockets.closed) == {1006: 1}


def test_silent_peer_is_pinged_and_one_that_answers_stays(serve):
    """A browser answers pings by itself, so only a half-open socket stays silent."""
    with serve(ping_s=0.05, silence_s=0.4) as server:
        raw, silent = subscribed(server, 75)
        with raw, server.client() as answering:
            assert raw.hear() == (PING, b"")
            with pytest.raises((EOFError, ConnectionError)):  # without a close: pages see 1006
                while True:
                    assert raw.hear()[0] == PING
            answering.say({"type": "ping", "timestamp": 1})
            assert answering.hear()["type"] == "pong"
            assert silent.closing.code == 1006
