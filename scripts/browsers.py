"""A load of browsers: pages that sign in, subscribe, stay open, and count what they are told."""

import json
import threading
import urllib.request
from collections.abc import Sequence
from contextlib import suppress

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from app.demo_users import DEMO_USERS

BACK_S = 5.0
"""Seconds after which a page that was cut off comes back, as the real ones do."""


class Browsers:
    """Pages of the demonstration's users, spread over hosts; a thread for each."""

    def __init__(self, urls: Sequence[str], *, pages: int) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self.open = 0
        self.frames = 0
        self._threads = [
            threading.Thread(target=self._stay, args=(urls[n % len(urls)], _user(n)), daemon=True)
            for n in range(pages)
        ]

    def start(self) -> None:
        """Open all pages."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close all pages."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(BACK_S)

    def _stay(self, url: str, user: int) -> None:
        while not self._stopping.is_set():
            with suppress(OSError, WebSocketException):
                self._visit(url, user)
            self._stopping.wait(BACK_S)

    def _visit(self, url: str, user: int) -> None:
        with urllib.request.urlopen(f"{url}/u/{user}", timeout=10) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        with connect(
            f"{url.replace('http', 'ws', 1)}/ws",
            origin=url,
            additional_headers={"Cookie": cookie},
            compression=None,
        ) as socket:
            socket.send(json.dumps({"type": "subscribe", "userId": user}))
            self._count(opened=1)
            try:
                while not self._stopping.is_set():
                    with suppress(TimeoutError):
                        told = json.loads(socket.recv(timeout=0.5))
                        self._count(frames=told["type"] == "balance_update")
            finally:
                self._count(opened=-1)

    def _count(self, *, opened: int = 0, frames: int = 0) -> None:
        with self._lock:
            self.open += opened
            self.frames += frames


def _user(number: int) -> int:
    return DEMO_USERS[number % len(DEMO_USERS)].id
