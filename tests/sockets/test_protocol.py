"""What browsers say and hear on a real socket."""

import json

import pytest


def test_socket_greets_confirms_and_answers_pings(server):
    """The frames that browsers know, in the order they know."""
    with server.client() as client:
        assert client.greeting["connectionId"]
        assert client.subscribe(74)["userId"] == 74
        client.say({"type": "ping", "timestamp": 1752388040000})
        assert client.hear("pong") == {"type": "pong", "timestamp": 1752388040000}


def test_subscriber_hears_the_present_balance_then_each_change(server):
    """Versions grow; amounts are numbers; nothing is said twice."""
    server.truth.book(74, "5")
    with server.client() as client:
        client.subscribe(74)
        present = client.hear("balance_update")
        assert (present["version"], present["balanceData"]["balanceUni"]) == (1, 5)
        assert present["balanceData"]["changes"] == {"uni": 0, "ton": 0}
        server.book(74, "0.1")
        server.book(74, "0.2")
        update = client.hear("balance_update")
        assert (update["since"], update["version"]) == (1, 3)
        assert update["balanceData"]["changes"] == {"uni": 0.3, "ton": 0}
        assert update["balanceData"]["sources"] == ["farming"]


def test_every_page_of_the_user_hears_it_and_no_other(server):
    """Two tabs of one user, one of another."""
    with server.client() as one, server.client() as two, server.client() as stranger:
        for client, user_id in ((one, 74), (two, 74), (stranger, 75)):
            server.truth.open_account(user_id)
            client.subscribe(user_id)
            client.hear("balance_update")
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
        client.hear("balance_update")
        client.subscribe(75)
        assert client.hear("balance_update")["userId"] == 75
        assert server.service.connections_of(74) == ()
        server.book(74, "1")
        server.book(75, "2")
        assert client.hear()["userId"] == 75


def test_closed_page_is_forgotten(server):
    """However often it subscribed, nothing of it is left."""
    with server.client() as client:
        client.subscribe(74)
        client.subscribe(74)
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
        ('{"type":"subscribe","userId":"07"}', "bad_user_id"),
    ],
)
def test_bad_frame_is_answered_and_the_stream_goes_on(server, frame, code):
    """The answer says what is wrong; the next frame is served as if nothing had been."""
    with server.client() as client:
        client.say(frame)
        answer = client.hear()
        assert (answer["type"], answer["code"]) == ("error", code)
        assert answer["message"]
        client.say({"type": "ping", "timestamp": 1})
        assert client.hear()["type"] == "pong"
