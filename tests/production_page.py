"""A page that behaves as production's own does, measured on its published code.

It subscribes again at every frame that it hears, whatever it is. A balance frame is a doorbell: it
reads the balance by HTTP, and drops a frame that comes while it reads. It comes back whatever
the code was, after a pause. It sends no proof of who it is.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Read = Callable[[], Decimal]
"""Reads the user's UNI balance, as `GET /api/v2/wallet/balance` answers it."""


class ProductionPage:
    """One page of a user; `read_s` is how long its API takes, `back_s` how long it stays away."""

    def __init__(
        self, url: str, user: int, read: Read, *, read_s: float = 0.7, back_s: float = 5.0
    ) -> None:
        self.user = user
        self.frames: list[dict[str, Any]] = []
        self.codes: list[int] = []
        self.subscribed = 0
        self.reads = 0
        self.dropped = 0
        self._url = url
        self._read = read
        self._read_s = read_s
        self._back_s = back_s
        self._reading_until = 0.0
        self._closing = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self.shown = read()
        """What the page showed when it was loaded, and after each read."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join(10)

    @property
    def connected(self) -> bool:
        """Whether its subscription was confirmed on the present socket."""
        return self._socket is not None

    @property
    def is_reading(self) -> bool:
        """Whether a read of the balance is in flight."""
        return time.monotonic() < self._reading_until

    @property
    def balances(self) -> list[dict[str, Any]]:
        """What its card's toast shows: the frames with a balance."""
        return [frame for frame in self.frames if frame["type"] == "balance_update"]

    @property
    def plus_zero(self) -> list[dict[str, Any]]:
        """The canonical's frames that the card shows as "balance updated: +0.000000"."""
        return [
            frame
            for frame in self.balances
            if "version" in frame and not any(frame["balanceData"]["changes"].values())
        ]

    def cut(self) -> None:
        """Lose the connection without a word."""
        if self._socket is not None:
            self._socket.socket.shutdown(socket.SHUT_RDWR)

    def _live(self) -> None:
        while not self._closing.is_set():
            try:
                with connect(
                    f"{self._url.replace('http', 'ws', 1)}/ws",
                    origin=self._url,  # type: ignore[arg-type]
                    compression=None,
                    close_timeout=0.1,
                ) as opened:
                    self._listen(opened)
            except ConnectionClosed as closed:
                self.codes.append(closed.rcvd.code if closed.rcvd else 1006)
            except OSError:
                pass  # nobody is there yet
            self._socket = None
            self._closing.wait(self._back_s)

    def _listen(self, opened: ClientConnection) -> None:
        while not self._closing.is_set():
            try:
                frame = json.loads(opened.recv(timeout=0.05))
            except TimeoutError:
                continue
            self.frames.append(frame)
            if frame["type"] == "subscription_confirmed":
                self._socket = opened
            if frame["type"] == "balance_update":
                self._rung()
            opened.send(json.dumps({"type": "subscribe", "userId": self.user}))
            self.subscribed += 1

    def _rung(self) -> None:
        if self.is_reading:
            self.dropped += 1
            return
        self.reads += 1
        self.shown = self._read()  # as it was at the beginning of the read: the worst case
        self._reading_until = time.monotonic() + self._read_s
