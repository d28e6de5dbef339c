"""The thread that asks an Unleash server for flags, every second and when it is hurried."""

import threading
import time
from collections.abc import Callable

from flags.feed import Inbox
from flags.unleash import POLL_S, Address, UnleashConnection
from flags.usage import Usage

HINTED_S = 0.17
"""Seconds between two questions while a revision is waited for that somebody told us of."""
HINT_LASTS_S = 1.3
"""Seconds after which it is not waited for any more: Unleash's own tick is one second."""


class UnleashFeed:
    """A `Feed` over one Unleash server; its thread runs between `start` and `stop`."""

    def __init__(
        self,
        address: Address,
        *,
        usage: Usage | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._usage = usage
        self._inbox: Inbox | None = None
        self._monotonic = monotonic
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._wanted = 0
        self._wanted_until = 0.0
        self.asked = 0
        """Questions that came to an end, since the process began."""

    def start(self, inbox: Inbox) -> None:
        """Begin to ask; waits for nothing."""
        self._inbox = inbox
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._run, args=(inbox,), name="unleash", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Hand in the usage if the server takes it, and end the thread; waits two seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def hurry(self, revision: int = 0) -> None:
        """Ask now, and again and again until the server is at `revision`.

        One that the server was seen at already is no news, and costs nothing.
        """
        now = self._monotonic()
        if self._inbox is not None and 0 < revision <= self._inbox.seen_revision:
            return
        if revision > self._wanted or now >= self._wanted_until:
            self._wanted, self._wanted_until = revision, now + HINT_LASTS_S
        self._wake.set()

    def ask_once(self, inbox: Inbox) -> None:
        """Ask one question in the caller's thread, within two seconds."""
        client = UnleashConnection(self._address, inbox, register=False)
        client.ask()
        client.close()
        self.asked += 1

    def _run(self, inbox: Inbox) -> None:
        client = UnleashConnection(self._address, inbox, register=True)
        while not self._stopping.is_set():
            self._wake.clear()
            client.ask(whole=self._waits_for_revision)
            self.asked += 1
            if self._usage is not None:
                self._usage.send_if_due(client.hand_in)
            self._pause(client)
        if self._usage is not None:
            self._usage.send(client.hand_in)
        client.close()

    def _pause(self, client: UnleashConnection) -> None:
        """Wait until it is time for the next question.

        Those who hurry are many at times: they wait out the shortest pause, all together.
        """
        self._stopping.wait(HINTED_S)
        if not self._waits_for_revision:
            self._wake.wait(max(POLL_S, client.retry_after_s) - HINTED_S)

    @property
    def _waits_for_revision(self) -> bool:
        return (
            self._inbox is not None
            and self._inbox.seen_revision < self._wanted
            and self._monotonic() < self._wanted_until
        )
