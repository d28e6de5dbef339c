"""What browsers say and hear on a real socket."""

import json
import socket
from datetime import datetime

import pytest

from tests.application import until


def test_socket_greets_confirms_and_answers_pings(server):
    """The frames that browsers know, in the order they know."""
    with server.client() as client:
        assert client.greeting["connectionId"]
        assert client.subscribe(74)["userId"] == 74
        client.say({"type": "ping", "timestamp": 1752388040000})
        assert client.hear("pong") == {"type": "pong", "timestamp": 1752388040000}


def test_subscriber_hears_each_change_and_nothing_else(server):
    """Versions grow; amounts are numbers; nothing is said twice, and "+0" never."""
    server.truth.book(74, "5")
    with server.client() as client:
        client.subscribe(74)
        server.noted(74)
        server.book(74, "0.1")
        server.book(74, "0.2")
        update = client.hear()
        assert (update["since"], update["version"]) == (1, 3)
        assert update["balanceData"]["changes"] == {"uni": 0.3, "ton": 0}
        assert update["balanceData"]["sources"] == ["farming"]


def test_every_page_of_the_user_hears_it_and_no_other(server):
    """Two tabs of one user, one of another."""
    with server.client() as one, server.client() as two, server.client() as stranger:
        for client, user_id in ((one, 74), (two, 74), (stranger, 75)):
            server.truth.open_account(user_id)
            client.subscribe(user_id)
            server.noted(user_id)
        server.book(74, "1")
        assert one.hear()["version"] == two.hear()["version"] == 1
        stranger.say({"type": "ping", "timestamp": 1})
        assert stranger.hear()["type"] == "pong"


def test_changing_the_user_leaves_the_one_before(server):
    """A socket speaks for one user at a time."""
    with server.client() as client:
        server.truth.open_account(74)
        server.truth.open_account(75)
        client.subscribe(74)
        client.subscribe(75)
        server.noted(75)
        assert server.service.connections_of(74) == ()
        server.book(74, "1")
        server.book(75, "2")
        assert client.hear()["userId"] == 75


def test_page_that_subscribes_again_is_told_nothing(server):
    """Production's page does so at every frame: were it answered, it would never end."""
    with server.client() as client:
        server.truth.open_account(74)
        client.subscribe(74)
        for _ in range(1000):
            client.say({"type": "subscribe", "userId": 74})
        client.say({"type": "ping", "timestamp": 1})
        assert client.hear()["type"] == "pong"
        server.book(74, "1")
        assert client.hear()["type"] == "balance_update"
        client.say({"type": "ping", "timestamp": 2})
        assert client.hear() == {"type": "pong", "timestamp": 2}
        assert server.service.get_connection_stats().connections == 1


def test_ping_without_a_time_is_answered_with_the_servers_own(server):
    """As production answers it."""
    with server.client() as client:
        client.say({"type": "ping"})
        assert datetime.fromisoformat(client.hear("pong")["timestamp"]).tzinfo is not None


@pytest.mark.parametrize(("shown", "told"), [(1, [(1, 3, 5)]), (3, []), ("3", []), (99, [])])
def test_page_may_say_what_it_shows(server, shown, told):
    """What it missed is sent, as one change; what is no version is as if it had said nothing."""
    for amount in ("1", "2", "3"):
        server.truth.book(74, amount)
    with server.client() as client:
        client.say({"type": "subscribe", "userId": 74, "version": shown})
        client.hear("subscription_confirmed")
        server.noted(74)
        client.say({"type": "ping", "timestamp": 1})
        frames = []
        while (frame := client.hear())["type"] != "pong":
            frames.append(frame)
        assert [
            (f["since"], f["version"], f["balanceData"]["changes"]["uni"]) for f in frames
        ] == told


def test_page_that_was_cut_off_is_told_what_it_missed(server):
    """On its next socket, at once, though it says nothing of what it shows."""
    server.truth.book(74, "1")
    with server.client() as client:
        client.subscribe(74)
        server.noted(74)
        client.socket.socket.shutdown(socket.SHUT_RDWR)
        until(lambda: not server.service.connections_of(74))
    server.truth.book(74, "2")
    with server.client() as client:
        client.subscribe(74)
        update = client.hear()
        assert (update["since"], update["version"]) == (1, 2)
        assert update["balanceData"]["changes"]["uni"] == 2


def test_closed_page_is_forgotten(server):
    """However often it subscribed, nothing of it is left."""
    with server.client() as client:
        client.subscribe(74)
        client.say({"type": "subscribe", "userId": 74})
        assert server.service.get_connection_stats().connections == 1
    server.sockets.stop()
    assert server.service.get_connection_stats().connections == 0
    assert len(server.sockets) == 0


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("<html>", "not_json"),
        ("[1]", "not_an_object"),
        ("[]", "not_an_object"),
        ("[" * 1500 + "]" * 1500, "too_deep"),
        ("[" * 20_000, "too_large"),
        ("[" * 4000, "too_deep"),
        ('{"type":"ping","timestamp":' + "9" * 5000 + "}", "too_large"),
        ('{"type":"subscribe","userId":' + "9" * 4000 + "}", "bad_user_id"),
        ('{"type":"subscribe","userId":"' + "9" * 4000 + '"}', "bad_user_id"),
        ('{"type":"subscribe","userId":NaN}', "not_json"),
        ('{"type":"subscribe","userId":1e400}', "not_json"),
        ('{"type":"subscribe","userId":74.0}', "bad_user_id"),
        ('{"type":"subscribe","userId":true}', "bad_user_id"),
        ("NaN", "not_json"),
        (json.dumps({"type": "ping", "x": "y" * 5000}), "too_large"),
        (b"\x00\x01", "not_text"),
        ('{"type":"juggle"}', "unknown_type"),
        ('{"type":"pong","timestamp":1}', "unknown_type"),
        ('{"type":"subscribe","userId":"07"}', "bad_user_id"),
    ],
)
def test_bad_frame_is_met_with_silence_and_counted(server, frame, code):
    """As production does it, whose page would answer an answer; the next frame is served."""
    with server.client() as client:
        client.say(frame)
        client.say({"type": "ping", "timestamp": 1})
        assert client.hear()["type"] == "pong"
        assert server.admission.snapshot()["unread"] == {code: 1}
