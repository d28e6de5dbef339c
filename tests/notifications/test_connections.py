"""A browser's connection: whoever owns the socket is woken once, and takes what waits."""

import threading

import pytest

from app.notifications.connections import BrowserConnection
from app.notifications.outbox import LIMIT, Closing
from tests.notifications.test_outbox import frame


class Writer:
    """Owns a connection as an I/O thread does, one call of `write` at a time."""

    def __init__(self):
        self.woken = 0
        self.connection = BrowserConnection("c1", self.wake)

    def wake(self):
        """Count the calls."""
        self.woken += 1

    def write(self):
        """Take everything that waits."""
        taken = []
        while (item := self.connection.take()) is not None:
            taken.append(item)
            if isinstance(item, Closing):
                break
        return taken


@pytest.fixture
def writer():
    """Return a writer with its connection."""
    return Writer()


def test_frames_are_taken_in_order_until_the_close(writer):
    """The close ends it, with its code and reason."""
    connection = writer.connection
    connection.send("first")
    assert writer.write() == ["first"]
    connection.close(1012, "restart")
    assert writer.write() == [Closing(1012, "restart")]
    assert not connection.is_open
    with pytest.raises(ConnectionError):
        connection.send("second")


def test_many_frames_cost_one_wake_up(writer):
    """And the first one after the outbox was found empty the next."""
    connection = writer.connection
    for version in range(1, 11):
        connection.send("text")
        connection.offer(frame(version - 1, version))
    assert writer.woken == 1
    assert len(writer.write()) == 11
    assert writer.woken == 1
    connection.offer(frame(10, 11))
    assert writer.woken == 2


def test_nothing_wakes_nobody(writer):
    """State that is no newer is not handed over, and the writer sleeps on."""
    writer.connection.base_version = 3
    writer.connection.offer(frame(2, 3))
    assert (writer.woken, writer.write()) == (0, [])


def test_frame_that_is_handed_over_while_the_last_is_taken_is_never_forgotten():
    """However the two threads meet, each frame is taken or somebody is woken for it."""
    woken, room, taken = threading.Semaphore(0), threading.Semaphore(LIMIT), []
    connection = BrowserConnection("c1", woken.release)

    def take():
        while len(taken) < 5_000 and woken.acquire(timeout=60):
            while (item := connection.take()) is not None:
                taken.append(item)
                room.release()

    taker = threading.Thread(target=take)
    taker.start()
    for number in range(5_000):
        assert room.acquire(timeout=60)
        connection.send(str(number))
    taker.join(60)
    assert taken == [str(number) for number in range(5_000)]


def test_versions_live_with_the_connection(writer):
    """What the page shows is remembered where frames leave."""
    connection = writer.connection
    connection.base_version, connection.overheard = 3, "text"
    connection.offer(frame(3, 4))
    assert (connection.base_version, connection.overheard) == (4, None)
