"""Browsers that come and go, ten thousand times."""

import gc
import socket
import struct
import threading

import psutil

from app.web.handover import Taken
from tests.sockets.raw import CLOSE, TEXT, RawBrowser, frame

RESET = struct.pack("ii", 1, 0)


class Door:
    """Connects browsers past the handshake, as a handler hands them over."""

    def __init__(self, sockets):
        self._sockets = sockets
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def come(self):
        """Return the browser's end of a new connection."""
        browser = socket.create_connection(self._listener.getsockname(), timeout=60)
        self._sockets.adopt(Taken(self._listener.accept()[0], b""))
        return browser


def wait_until_empty(sockets):
    """Wait until the registry holds nobody."""
    for _ in range(1000):
        if not len(sockets):
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{len(sockets)} sockets are still there after 10 s")


def come_and_go(server, times):
    """Half of them close, half of them vanish."""
    with Door(server.sockets) as door:
        for _ in range(times // 50):
            browsers = [door.come() for _ in range(50)]
            for number, browser in enumerate(browsers):
                browser.sendall(frame(TEXT, b'{"type":"subscribe","userId":%d}' % (number + 1)))
            for number, browser in enumerate(browsers):
                assert browser.recv(4096)
                if number % 2:
                    browser.sendall(frame(CLOSE, struct.pack("!H", 1001)))
                else:
                    browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                browser.close()
            wait_until_empty(server.sockets)


def test_ten_thousand_browsers_leave_nothing_behind(server):
    """The registry is empty again, and the memory is where it was."""
    come_and_go(server, 2_000)
    gc.collect()
    process = psutil.Process()
    before, files = process.memory_info().rss, process.num_fds()
    come_and_go(server, 8_000)
    gc.collect()
    assert server.service.get_connection_stats().connections == 0
    assert process.num_fds() == files
    assert process.memory_info().rss - before < 4 * 1024 * 1024
    assert server.sockets.closed.total() == 10_000


def test_fifty_handshakes_in_a_row_leave_nothing_behind(server):
    """The whole way, by the route: each of the server's own sockets is closed, too."""
    for number in range(50):
        with RawBrowser(server.http.port) as browser:
            browser.subscribe(number + 1)
    wait_until_empty(server.sockets)
    assert server.service.get_connection_stats().connections == 0
