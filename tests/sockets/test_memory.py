"""Whatever a page does, it costs the worker no memory that stays."""

import gc
import sys
from datetime import UTC, datetime
from itertools import cycle, islice

import pytest

from app.core.websocket_endpoint import WebSocketEndpoint
from app.notifications.connections import BrowserConnection
from app.web.admission import Admission, Bounds, Mode
from app.web.guard import Guard
from app.web.identity import NOBODY
from tests.shim.harness import Harness

TIMES = 100_000
WARM = 25_000
"""More than the changes that the journal keeps."""
MOST_BLOCKS = 2_000
"""That may be allocated besides, of the interpreter's some 50 bytes each."""

SUBSCRIBE = '{"type":"subscribe","userId":7}'
MESSAGES = {
    "subscribe": [SUBSCRIBE],
    "subscribe as text": [SUBSCRIBE, '{"type":"subscribe","userId":"7"}'],
    "subscribe with versions": [
        f'{{"type":"subscribe","userId":7,"version":{version}}}' for version in range(100)
    ],
    "two users": [SUBSCRIBE, '{"type":"subscribe","userId":8}'],
    "many users": [f'{{"type":"subscribe","userId":{user}}}' for user in range(1, 20_000)],
    "ping": ['{"type":"ping","timestamp":1}', '{"type":"ping"}'],
    "stray pong": ['{"type":"pong","timestamp":1}'],
    "no JSON": ["{", "<html>", "[" * 100, ""],
    "unknown types": [f'{{"type":"{number}"}}' for number in range(1000)],
    "no user": ['{"type":"subscribe"}', '{"type":"subscribe","userId":"x"}'],
    "binary": [b"\x00\x01"],
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_a_hundred_thousand_messages_of_a_kind_leave_nothing_behind(kind):
    """Registry, journal, counts and outbox hold as much after them as after a quarter."""
    harness = Harness(percent=50)
    admission = Admission(
        Mode.OFF,
        verify=int,
        people=None,
        bounds=Bounds(message_burst=10 * TIMES),
        monotonic=lambda: 0.0,
    )
    guard = Guard(admission, NOBODY, call=lambda act: act())
    guard.may_repeat = guard.may_speak
    connection = BrowserConnection("page", lambda: None)
    session = WebSocketEndpoint(connection, utc_now=lambda: datetime.now(UTC), guard=guard)
    session.opened()
    messages = cycle(MESSAGES[kind])

    def say(times):
        for message in islice(messages, times):
            session.received(message)
            while connection.take() is not None:
                pass
        harness.run(0.02)
        gc.collect()
        return sys.getallocatedblocks()

    before = say(WARM)
    assert say(TIMES - WARM) - before < MOST_BLOCKS
    assert connection.is_open
    session.closed()
    assert harness.migration.book.entries(7) == ()
    assert harness.migration.canonical.get_connection_stats().connections == 0
