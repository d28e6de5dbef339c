"""The sweep: finds what nobody told this worker of, and has it sent.

A hint can be lost: with the bus, or with a worker that ends between its commit and its call.
So every few seconds the versions that connections were last sent are compared with those in
the database. Users whom the canonical began to serve a moment ago are found in the same way, and
so is a page that another service showed a balance since, whatever it was.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Protocol

import structlog

from app.notifications.ports import Connection, Serves

BATCH = 500
"""Users in one query."""
PAUSE_S = 0.05
"""Between a batch with something amiss and the next: what was found is read and sent."""
READ_TIMEOUT_S = 1.0

_log = structlog.get_logger(__name__)


class Swept(Protocol):
    """The canonical service, as far as the sweep knows it."""

    def connected_users(self) -> tuple[int, ...]:
        """Return the users who have a connection."""

    def connections_of(self, user_id: int) -> Sequence[Connection]:
        """Return the user's connections."""

    def pending_users(self) -> tuple[int, ...]:
        """Return the users for whom something is under way."""

    def look_again(self, users: Iterable[int]) -> None:
        """Read what the database holds for these users, and send what is new."""


class VersionReader(Protocol):
    """Reads the versions of balances alone."""

    def versions(self, users: Sequence[int], *, timeout: float | None = None) -> dict[int, int]:
        """Return the version of each user that exists. Raises TruthUnavailable."""


@dataclass(slots=True)
class SweepCounts:
    """What was done since the sweep was built; `compared` and `behind` count users."""

    sweeps: int = 0
    compared: int = 0
    behind: int = 0
    failed: int = 0


class Sweep:
    """One thread between `start` and `stop`. Where nothing is amiss a batch costs one query."""

    def __init__(
        self, *, service: Swept, versions: VersionReader, serves: Serves, interval_s: float
    ) -> None:
        self._service = service
        self._versions = versions
        self._serves = serves
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._outage = False
        self.counts = SweepCounts()

    def start(self) -> None:
        """Start sweeping."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * READ_TIMEOUT_S)
            self._thread = None

    def hurry(self) -> None:
        """Sweep now: something may have been missed."""
        self._wake.set()

    def snapshot(self) -> dict[str, int]:
        """Return the counts as plain data."""
        return asdict(self.counts)

    def sweep(self) -> int:
        """Compare every connected user whom the canonical serves; return how many are behind.

        Raises TruthUnavailable.
        """
        served = filter(self._serves, self._service.connected_users())
        found = 0
        while batch := list(islice(served, BATCH)):
            behind = self._behind(batch)
            self.counts.compared += len(batch)
            self.counts.behind += len(behind)
            found += len(behind)
            if behind:
                self._service.look_again(behind)
                self._stopping.wait(PAUSE_S)
        self.counts.sweeps += 1
        return found

    def _behind(self, users: Sequence[int]) -> list[int]:
        versions = self._versions.versions(users, timeout=READ_TIMEOUT_S)
        under_way = set(self._service.pending_users())
        return [
            user_id
            for user_id, version in versions.items()
            if user_id not in under_way
            and any(_is_behind(c, version) for c in self._service.connections_of(user_id))
        ]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._interval_s)
            self._wake.clear()
            if not self._stopping.is_set():
                self._attempt()

    def _attempt(self) -> None:
        try:
            found = self.sweep()
        except Exception as error:  # noqa: BLE001 - the next sweep must come, whatever it was
            self.counts.failed += 1
            if not self._outage:
                _log.warning("sweep_failed", error=str(error))
            self._outage = True
            return
        self._outage = False
        if found:
            _log.info("sweep_found", users=found)


def _is_behind(connection: Connection, version: int) -> bool:
    """Whether the page may show something else than this version."""
    if not connection.is_open:
        return False
    shown, overheard = connection.base_version, connection.overheard
    if overheard is not None and overheard is not connection.settled:
        return True
    return shown is None or shown < version
