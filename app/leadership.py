"""Runs a service in one worker: in whoever holds the lease, until it ends or loses that."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

LOOK_S = 0.5
"""How often a worker looks whether it may lead, and renews the lease if it does."""
FIRST_LOOK_S = 2.0
"""How long a start waits for the first look."""
STOP_S = 2.0

_log = structlog.get_logger(__name__)


class Lease(Protocol):
    """Held by one worker at most."""

    @property
    def lasts_s(self) -> float:
        """For how long it is held if it is not acquired again, in seconds."""

    def acquire(self) -> bool:
        """Take or renew it if nobody else holds it; True if it is held now. Raises OSError."""

    def release(self) -> None:
        """Let go of it."""


class Led(Protocol):
    """What is run once: the leader starts and stops it."""

    def start(self) -> None:
        """Start."""

    def stop(self) -> None:
        """Stop; what is under way has ended when it returns."""


class Leadership:
    """Starts `led` in the worker that gets the lease; the others go on asking for it.

    A leader that cannot renew its lease in time stops, for another one may lead by then.
    What is led must bear two leaders all the same, as the schedulers do by the idempotency
    keys of their ticks: a leader that hangs between two bookings cannot know the time.
    """

    def __init__(
        self,
        lease: Lease,
        led: Led,
        *,
        name: str,
        look_s: float = LOOK_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._led = led
        self._name = name
        self._look_s = look_s
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._looked = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: str | None = None
        self._first_error: Exception | None = None
        self._held_until = 0.0
        self.leads = False

    def start(self) -> None:
        """Lead at once if nobody does, else as soon as nobody does any more.

        Raises what the start of `led` raised, if it was tried at once.
        """
        self._stopping.clear()
        self._looked.clear()
        self._first_error = None
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)
        self._thread.start()
        self._looked.wait(FIRST_LOOK_S)
        if self._first_error is not None:
            raise self._first_error

    def stop(self) -> None:
        """Stop what is led, and only then let another worker lead."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
            if self._thread.is_alive():
                return  # the database hangs: nothing can be booked, and the lease ends by itself
            self._thread = None
        if self.leads:
            self.leads = False
            self._led.stop()
        self._lease.release()

    def _run(self) -> None:
        while True:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - it may start the next time
                if not self._looked.is_set():
                    self._first_error = error
                    break
                _log.exception("leading_failed", of=self._name)
            self._looked.set()
            if self._stopping.wait(self._look_s):
                return
        self._looked.set()

    def _look(self) -> None:
        held = self._holds()
        if held and not self.leads:
            self._lead()
        elif self.leads and not held:
            self.leads = False
            self._led.stop()
            _log.warning("leads_no_more", of=self._name)

    def _holds(self) -> bool:
        """Take or renew the lease; without an answer, tell whether it still lasts."""
        asked_at = self._monotonic()
        try:
            held = self._lease.acquire()
        except OSError as error:
            if self._problem != str(error):
                self._problem = str(error)
                _log.error("lease_unusable", of=self._name, error=str(error))
            return self.leads and self._monotonic() < self._held_until
        self._problem = None
        if held:
            self._held_until = asked_at + self._lease.lasts_s
        return held

    def _lead(self) -> None:
        try:
            self._led.start()
        except BaseException:
            self._lease.release()
            raise
        self.leads = True
        _log.info("leads", of=self._name)
