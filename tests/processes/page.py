"""A page of the demonstration over real sockets, and orders that pay its user."""

import json
import threading
import urllib.request
from decimal import Decimal

from websockets.sync.client import ClientConnection, connect


class Page:
    """A browser's page of a user: it notes the balance and the versions that it was shown."""

    def __init__(self, url: str, user: int) -> None:
        self.versions: list[int] = []
        self.uni = Decimal(0)
        self._url = url
        self._user = user
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Page":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(60)

    def _listen(self) -> None:
        with urllib.request.urlopen(f"{self._url}/u/{self._user}", timeout=60) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        with connect(
            f"{self._url.replace('http', 'ws', 1)}/ws",
            origin=self._url,
            additional_headers={"Cookie": cookie},
            compression=None,
        ) as socket:
            socket.send(json.dumps({"type": "subscribe", "userId": self._user, "version": 0}))
            while not self._closing.is_set():
                self._hear(socket)

    def _hear(self, socket: ClientConnection) -> None:
        try:
            frame = json.loads(socket.recv(timeout=0.1), parse_float=Decimal)
        except TimeoutError:
            return
        if frame["type"] == "balance_update":
            self.uni = Decimal(frame["balanceData"]["balanceUni"])
            if frame.get("version") is not None:  # legacy says none
                self.versions.append(frame["version"])


def reward(url: str, user: int) -> int:
    """Have a mission paid, by whichever worker takes the order; return the version it made."""
    body = json.dumps({"user": user, "kind": "mission"}).encode()
    order = urllib.request.Request(f"{url}/look/reward", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(order, timeout=60) as answer:
        version: int = json.load(answer)["version"]
        return version
