"""What pages showed whose socket ended, for all workers: a page may be back on any of them.

Noting it must not wait, so a thread writes it down; until then it is known here alone.
"""

import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

import structlog
from sqlalchemy import delete, insert, select

from app.database import Database
from app.errors import DatabaseUnavailable
from app.models import DepartedPage
from app.notifications.departed import BACK_WITHIN_S, MOST_PAGES, MOST_USERS
from app.notifications.ports import TruthUnavailable
from app.steady import wall_clock

PAUSE_S = 0.25
"""Between two writes; a page is away for seconds."""
WAIT_S = 1.0
FORGET_EVERY = timedelta(minutes=1)
"""How often rows of pages that never came back are removed, by each worker."""
AT_ONCE = 500
"""Users or rows in one statement."""

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class _Left:
    """A page that left, under a number that no other one has: also before it is written."""

    number: int
    user_id: int
    version: int
    left_at: datetime


class SqlDepartures:
    """`Departures` in the database, with a thread between `start` and `stop` that writes."""

    def __init__(self, database: Database, *, utc_now: Callable[[], datetime] = wall_clock) -> None:
        self._database = database
        self._utc_now = utc_now
        self._lock = threading.Lock()
        self._unwritten: list[_Left] = []
        self._taken: set[int] = set()
        self._failed = False
        self._forget_at = datetime.min.replace(tzinfo=UTC)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start writing."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="departures", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * WAIT_S)
            self._thread = None

    def add(self, user_id: int, version: int) -> None:
        """Remember what a page showed when its socket ended; never waits."""
        page = _Left(secrets.randbits(62), user_id, version, self._utc_now())
        with self._lock:
            self._unwritten.append(page)
            del self._unwritten[:-MOST_USERS]
        self._wake.set()

    def take(self, users: Mapping[int, int]) -> dict[int, list[int]]:
        """Return what pages of these users showed that may be back now. Raises TruthUnavailable."""
        read = self._read(tuple(users))
        with self._lock:
            here = [page for page in self._unwritten if page.user_id in users]
            known = {page.number: page for page in (*read, *here) if page.number not in self._taken}
            back = _oldest(known.values(), users)
            self._taken.update(page.number for page in back)
        if back:
            self._wake.set()
        grouped = groupby(back, key=lambda page: page.user_id)
        return {user_id: [page.version for page in pages] for user_id, pages in grouped}

    def write(self) -> None:
        """Write down who left, and strike out who is back. Raises DatabaseUnavailable."""
        with self._lock:
            taken = frozenset(self._taken)
            left = list(self._unwritten)
        self._write([page for page in left if page.number not in taken], taken)
        written = taken.union(page.number for page in left)
        with self._lock:
            self._taken -= taken
            self._unwritten = [page for page in self._unwritten if page.number not in written]

    def _write(self, left: Sequence[_Left], taken: Collection[int]) -> None:
        rows = [
            {
                "id": page.number,
                "user_id": page.user_id,
                "version": page.version,
                "left_at": page.left_at,
            }
            for page in left
        ]
        now = self._utc_now()
        # A clock that was set back must not keep this waiting until it has caught up.
        forgets = not now < self._forget_at <= now + FORGET_EVERY
        with self._database.transaction(wait_s=WAIT_S) as session:
            if rows:
                session.execute(insert(DepartedPage), rows)
            for some in _parts(taken):
                session.execute(delete(DepartedPage).where(DepartedPage.id.in_(some)))
            if forgets:
                session.execute(delete(DepartedPage).where(DepartedPage.left_at < _since(now)))
        if forgets:
            self._forget_at = now + FORGET_EVERY

    def _read(self, users: tuple[int, ...]) -> list[_Left]:
        since = _since(self._utc_now())
        found: list[_Left] = []
        try:
            with self._database.reading(wait_s=WAIT_S) as session:
                for some in _parts(users):
                    query = (
                        select(DepartedPage)
                        .where(DepartedPage.user_id.in_(some), DepartedPage.left_at > since)
                        .limit(len(some) * MOST_PAGES)
                    )
                    found += [
                        _Left(page.id, page.user_id, page.version, page.left_at)
                        for page in session.scalars(query)
                    ]
        except DatabaseUnavailable as error:
            raise TruthUnavailable(f"who is back could not be read: {error}") from error
        return found

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(FORGET_EVERY.total_seconds())
            self._wake.clear()
            self._attempt()
            self._stopping.wait(PAUSE_S)
        self._attempt()

    def _attempt(self) -> None:
        try:
            self.write()
        except Exception as error:  # noqa: BLE001 - it is tried again, whatever it was
            if not self._failed:
                _log.warning("departures_unwritten", error=str(error))
            self._failed = True
            self._wake.set()
        else:
            self._failed = False


def _since(now: datetime) -> datetime:
    return now - timedelta(seconds=BACK_WITHIN_S)


def _oldest(pages: Iterable[_Left], users: Mapping[int, int]) -> list[_Left]:
    """Return of each user as many pages as came, by user: those that showed the oldest versions."""
    ordered = sorted(pages, key=lambda page: (page.user_id, page.version))
    return [
        page
        for user_id, of_user in groupby(ordered, key=lambda page: page.user_id)
        for page in islice(of_user, users[user_id])
    ]


def _parts(numbers: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(numbers)
    while some := list(islice(rest, AT_ONCE)):
        yield some
