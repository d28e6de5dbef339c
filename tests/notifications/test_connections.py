"""A browser's connection: one writer, whole frames, and a close that comes last."""

import threading

import pytest

from app.notifications.connections import BrowserConnection
from app.notifications.messages import balance_update
from tests.notifications.test_outbox import frame


class TransportDouble:
    """Records what is written; may be slow or broken."""

    def __init__(self):
        self.written = []
        self.closed = None
        self.broken = False
        self.gate = threading.Event()
        self.gate.set()
        self.writing = threading.Event()

    def write(self, text):
        """Write once the gate is open."""
        self.writing.set()
        assert self.gate.wait(10)
        if self.broken:
            raise OSError("reset by peer")
        self.written.append(text)

    def close(self, code, reason):
        """Record the close."""
        self.closed = (code, reason)


@pytest.fixture
def transport():
    """Return a transport that works."""
    return TransportDouble()


@pytest.fixture
def connection(transport):
    """Return a connection on it, without a writer."""
    return BrowserConnection("c1", transport)


def test_frames_are_written_in_order_until_the_close(connection, transport):
    """The writer ends with the code that the connection was closed with."""
    codes = []
    writer = threading.Thread(target=lambda: codes.append(connection.write_frames()))
    transport.gate.clear()
    writer.start()
    connection.send("first")
    assert transport.writing.wait(10)
    connection.close(1012, "restart")
    transport.gate.set()
    writer.join(10)
    assert (transport.written, transport.closed, codes) == (["first"], (1012, "restart"), [1012])


def test_handing_over_never_waits_for_a_reader(connection, transport):
    """While the reader hangs, text queues and state is merged; both leave when it reads."""
    transport.gate.clear()
    writer = threading.Thread(target=connection.write_frames)
    writer.start()
    connection.send("first")
    assert transport.writing.wait(10)
    connection.send("second")
    connection.offer(frame(0, 1))
    connection.offer(frame(1, 2))
    transport.gate.set()
    connection.withdraw(10)
    connection.close()
    writer.join(10)
    assert transport.written == ["first", "second", balance_update(frame(0, 2, change="2"))]


def test_broken_socket_closes_the_connection(connection, transport):
    """Whoever hands over next is told."""
    transport.broken = True
    connection.send("first")
    assert connection.write_frames() == 1011
    assert not connection.is_open
    with pytest.raises(ConnectionError):
        connection.send("second")


def test_versions_live_with_the_connection(connection):
    """What the page shows is remembered where frames leave."""
    connection.base_version, connection.overheard = 3, "text"
    assert (connection.base_version, connection.overheard) == (3, "text")
    connection.offer(frame(3, 4))
    assert (connection.base_version, connection.overheard) == (4, None)
