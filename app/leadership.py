"""Runs a service in one worker of the host: in whoever holds the lease, until it ends."""

import threading
from typing import Protocol

import structlog

LOOK_S = 0.5
"""How often a worker that does not lead looks whether it may."""

_log = structlog.get_logger(__name__)


class Lease(Protocol):
    """Held by one worker at most."""

    def acquire(self) -> bool:
        """Take it if nobody holds it; True if it is held now. Raises OSError."""

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

    Over several hosts each has a leader: what is led must bear that, as the schedulers do by
    the idempotency keys of their ticks.
    """

    def __init__(self, lease: Lease, led: Led, *, name: str, look_s: float = LOOK_S) -> None:
        self._lease = lease
        self._led = led
        self._name = name
        self._look_s = look_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: str | None = None
        self.leads = False

    def start(self) -> None:
        """Lead at once if nobody does, else as soon as nobody does any more."""
        self._stopping.clear()
        if not self._try_to_lead():
            self._thread = threading.Thread(target=self._wait, name="leadership", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop what is led, and only then let another worker lead."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self.leads:
            self.leads = False
            self._led.stop()
        self._lease.release()

    def _wait(self) -> None:
        while not self._stopping.wait(self._look_s):
            try:
                if self._try_to_lead():
                    return
            except Exception:  # noqa: BLE001 - it may start the next time
                _log.exception("leading_failed", of=self._name)

    def _try_to_lead(self) -> bool:
        try:
            if not self._lease.acquire():
                return False
        except OSError as error:
            if self._problem != str(error):
                self._problem = str(error)
                _log.error("lease_unusable", of=self._name, error=str(error))
            return False
        try:
            self._led.start()
        except BaseException:
            self._lease.release()
            raise
        self.leads = True
        _log.info("leads", of=self._name)
        return True
