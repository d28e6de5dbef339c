"""The endpoint's calls on the service at the historic path."""

from datetime import UTC, datetime

import pytest

from app.core import websocket_endpoint
from app.core.websocket_endpoint import WebSocketEndpoint
from app.web.guard import Guard
from app.web.identity import NOBODY
from tests.notifications.doubles import ConnectionDouble
from tests.sockets.conftest import open_to_everybody


class ServiceDouble:
    """Records registrations and removals."""

    def __init__(self):
        self.calls = []

    def get_instance(self):
        """Answer as the class at the historic path does."""
        return self

    def register_connection(self, user_id, connection):
        """Record it."""
        self.calls.append(("register", user_id, connection.id))

    def remove_connection(self, user_id, connection):
        """Record it."""
        self.calls.append(("remove", user_id, connection.id))


@pytest.fixture
def calls(monkeypatch):
    """Return the calls that the service is sent."""
    service = ServiceDouble()
    monkeypatch.setattr(websocket_endpoint, "BalanceNotificationService", service)
    return service.calls


def endpoint():
    """Return an endpoint on a connection called "a"."""
    return WebSocketEndpoint(
        ConnectionDouble("a"),
        utc_now=lambda: datetime(2025, 7, 13, tzinfo=UTC),
        guard=Guard(open_to_everybody(), NOBODY, call=lambda act: act()),
    )


def test_a_user_is_registered_once_and_taken_back_once(calls):
    """Production's page subscribes at every frame, and production registers it each time."""
    session = endpoint()
    session.received('{"type":"subscribe","userId":7}')
    session.received('{"type":"subscribe","userId":"7"}')
    session.closed()
    session.closed()
    assert calls == [("register", 7, "a"), ("remove", 7, "a")]


def test_asking_again_takes_no_token_and_ten_thousand_times_a_second_is_cut_off(calls):
    """Production's page was seen to ask 1,900 times a second; reading more is not for nothing."""
    now = 0.0
    admission = open_to_everybody(message_burst=5)
    admission.monotonic = lambda: now
    connection = ConnectionDouble("a")
    closed = []
    connection.close = lambda code, reason: closed.append(code)
    session = WebSocketEndpoint(
        connection,
        utc_now=lambda: datetime(2025, 7, 13, tzinfo=UTC),
        guard=Guard(admission, NOBODY, call=lambda act: act()),
    )
    for _ in range(20_000):
        now += 1 / 1_900
        session.received('{"type":"subscribe","userId":7}')
    assert closed == []
    before = now
    while not closed:
        now += 1 / 10_000
        session.received('{"type":"subscribe","userId":7}')
    assert (closed, len(calls)) == ([1008], 1)
    assert now - before < 0.6


def test_subscribing_to_another_user_leaves_the_first(calls):
    """Before the other is registered."""
    session = endpoint()
    session.received('{"type":"subscribe","userId":7}')
    session.received('{"type":"subscribe","userId":8}')
    assert calls == [("register", 7, "a"), ("remove", 7, "a"), ("register", 8, "a")]


def test_socket_that_never_subscribed_is_nobodys(calls):
    """A refused frame and a close lead to no call."""
    session = endpoint()
    session.opened()
    session.received('{"type":"subscribe","userId":null}')
    session.closed()
    assert calls == []
