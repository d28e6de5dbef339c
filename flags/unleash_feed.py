"""The thread that asks an Unleash server for flags, every second and when it is hurried."""

import threading
import time
from collections.abc import Callable

from flags.feed import Inbox
from flags.unleash import POLL_S, Address, UnleashConnection
from flags.usage import Usage

HINTED_S = 0.12
"""Seconds between two questions that somebody hurried."""
PROMPT_QUESTIONS = 10
"""So many questions come as fast until the server is where we wait for it, which outlasts
Unleash's own tick of a second; further ones come half as often each time: a server that is late is
loaded."""
ONCE_S = 4.0
"""Seconds that a question of a command has; the slowest that ends by itself takes less."""
HINT_LASTS_S = 3.0
"""Seconds after which a revision is not waited for any more."""


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
        self._once: threading.Thread | None = None
        self._wanted = 0
        self._wanted_until = 0.0
        self._hurried = 0
        """Questions since we were told of a revision, and waited for none before."""
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
            waits_already = self._waits_for_revision
            self._wanted, self._wanted_until = revision, now + HINT_LASTS_S
            if waits_already:
                return  # of a flood no hint is the first
            self._hurried = 0
        elif revision:
            return  # it is asked for already
        self._wake.set()

    def ask_once(self, inbox: Inbox) -> None:
        """Ask one question and wait for what it comes to, some seconds at most.

        No timeout ends an answer whose head drips, so a question that hangs is left behind;
        while it does, no other is asked.
        """
        if self._once is None or not self._once.is_alive():
            self._once = threading.Thread(target=self._ask_once, args=(inbox,), daemon=True)
            self._once.start()
            self._once.join(ONCE_S)
        if self._once.is_alive():
            inbox.take_failure(f"it has not answered within {ONCE_S:g} s")

    def _ask_once(self, inbox: Inbox) -> None:
        client = UnleashConnection(self._address, inbox, register=False)
        client.ask()
        client.close()
        self.asked += 1

    def _run(self, inbox: Inbox) -> None:
        client = UnleashConnection(self._address, inbox, register=True)
        while not self._stopping.is_set():
            hurried = self._wake.is_set() or self._waits_for_revision
            self._wake.clear()
            self._hurried += hurried
            client.ask(whole=self._waits_for_revision)
            self.asked += 1
            if self._usage is not None:
                self._usage.send_if_due(client.hand_in)
            self._pause(client, hurried=hurried)
        if self._usage is not None:
            self._usage.send(client.hand_in)
        client.close()

    def _pause(self, client: UnleashConnection, *, hurried: bool) -> None:
        """Wait until it is time for the next question.

        The first one that is hurried begins at once. Those who hurry are many at times: the next
        ones wait out the shortest pause, all together.
        """
        least = HINTED_S if hurried else 0.0
        self._stopping.wait(least)
        if self._waits_for_revision:
            longest = min(HINTED_S * 2 ** max(0, self._hurried - PROMPT_QUESTIONS), POLL_S)
        else:
            longest = max(POLL_S, client.retry_after_s)
        self._wake.wait(longest - least)

    @property
    def _waits_for_revision(self) -> bool:
        return (
            self._inbox is not None
            and self._inbox.seen_revision < self._wanted
            and self._monotonic() < self._wanted_until
        )
