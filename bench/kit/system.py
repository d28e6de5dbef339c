"""The system under test, with its real database, threads and connections, in a folder."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from app.accounts import open_accounts
from app.adapters.append_file import AppendFile
from app.adapters.bookings import SqlBookings
from app.adapters.truth import SqlTruthReader
from app.core.balance_manager import BalanceManager
from app.database import Database
from app.evidence import Evidence
from app.notifications.connections import BrowserConnection
from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications
from app.notifications.timers import TimerThread
from app.replayers import new_page, replayers
from flags.decision import BALANCE_NOTIFICATIONS, CANONICAL_FLAG, SHADOW_FLAG
from flags.latch import NEVER_ENGAGED
from flags.provider import StaticProvider
from shim.balance.harms import harms_of
from shim.balance.life.lives import DrawnLives
from shim.balance.life.stage import Stage
from shim.balance.lines import divergence_record
from shim.balance.world import BalanceWorld
from shim.facade import BalanceUpdate, ConnectionAwareFacade, UserIdOnlyFacade
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import Migration
from shim.ports import Bus, Clock, Serves, TruthReader
from shim.shadow.counts import Counts
from shim.shadow.executor import ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.ledger import Ledger
from shim.shadow.publisher import Publisher
from shim.shadow.queue import EventQueue
from shim.shadow.replays import Replays
from shim.shadow.result import Comparison

USERS = range(1, 9)
MANY_USERS = range(1, 1001)
"""Enough that calls of one user lie seconds apart, as in production, and not in one episode."""
QUEUE_LIMIT = 10_000

Misdeed = Callable[[threading.Event], None]
"""What a candidate does before each call; it ends early once the event is set."""


def sleep_200_ms(end: threading.Event) -> None:
    """Sleep, as a candidate that waits for something does."""
    end.wait(0.2)


def burn_1_ms(end: threading.Event) -> None:
    """Use the processor, and the interpreter, for a millisecond."""
    until = time.thread_time() + 0.001
    while time.thread_time() < until and not end.is_set():
        pass


class Store:
    """A database with the users' accounts, and the balance manager over it."""

    def __init__(self, folder: Path, users: Sequence[int] = USERS) -> None:
        self.folder = folder
        self.users = users
        self.database = Database("sqlite:///app.db", instance_path=folder)
        self.database.upgrade()
        with self.database.transaction() as session:
            open_accounts(session, users)
        self.manager = BalanceManager(self.database, monotonic=time.monotonic)
        for user_id in users:
            self.manager.get_user_balance(user_id)  # into the cache, as of a user who plays

    def truth(self) -> SqlTruthReader:
        """Return a reader that cannot write."""
        return SqlTruthReader(self.database.read_only())


class System:
    """The facade over live sides and shadows; every user has one open connection.

    `misdeed` is what the candidate does before each of its calls. Starts nothing before
    `start`; `flip` and `start` may be repeated.
    """

    def __init__(
        self, store: Store, *, misdeed: Misdeed | None = None, noise_percent: int = 0
    ) -> None:
        self._store = store
        self.database = store.database
        self._noise_percent = noise_percent
        self._misdeed = misdeed
        self._let_go = threading.Event()
        self._flags = StaticProvider()
        self._legacy_timers = TimerThread("bench-legacy-timers")
        self._canonical_timers = TimerThread("bench-canonical-timers")
        self.counts = Counts()
        self.migration = self._migration()
        self.aware = ConnectionAwareFacade(
            self.migration,
            self.migration.connection_aware,
            self.migration.connection_aware.register_connection,
        )
        self.by_id = UserIdOnlyFacade(
            self.migration,
            self.migration.user_id_only,
            self.migration.user_id_only.add_connection,
        )
        self._publisher = Publisher([AppendFile(store.folder / "shadow.jsonl")], utc_now=_utc_now)
        self._evidence = Evidence(
            ledger=Ledger(utc_now=_utc_now),
            counts=self.counts,
            publisher=self._publisher,
            router=self.migration,
            new_record=divergence_record,
            name_user=str,
            utc_now=_utc_now,
            harms_of=harms_of,
            replays=Replays(
                write=replayers()[BALANCE_NOTIFICATIONS.migration].write,
                utc_now=_utc_now,
                draw=random.random,
                new_id=lambda: uuid.uuid4().hex,
            ),
        )
        self._executor = ShadowExecutor(
            queue=self.migration.queue,
            counts=self.counts,
            new_experiment=self._experiment,
            alarm=self._publisher.publish,
            monotonic=time.monotonic,
            thread_time=time.thread_time,
        )
        self._connect()

    def flip(self, *, percent: int, shadow: int) -> None:
        """Flip to these percentages of the two flags, and route every user once."""
        self._flags.put({CANONICAL_FLAG: percent, SHADOW_FLAG: shadow})
        self._flags.poll()
        self.migration.apply(self._flags.state, NEVER_ENGAGED)
        for user_id in self._store.users:
            self.migration.table.route(user_id)

    def start(self) -> None:
        """Start every thread that a worker would have for this."""
        self._let_go.clear()
        for service in (
            self._legacy_timers,
            self._canonical_timers,
            self._publisher,
            self._executor,
        ):
            service.start()

    def stop(self) -> None:
        """Close every window and end the threads; a candidate that hangs is let go."""
        self.flush()
        self._let_go.set()
        for service in (
            self._executor,
            self._publisher,
            self._canonical_timers,
            self._legacy_timers,
        ):
            service.stop()

    def flush(self) -> None:
        """Close the windows of both live sides."""
        self.aware.flush_pending_updates()

    def settle(self) -> None:
        """Wait until the shadows have nothing left of what was offered to them.

        Raises TimeoutError if they have not in 30 seconds.
        """
        self.flush()
        end = time.monotonic() + 30.0
        while len(self.migration.queue) or self._open_episodes():
            if time.monotonic() > end:
                raise TimeoutError("the shadows did not settle in 30 s: see shadow.jsonl")
            time.sleep(0.002)

    def tally(self) -> dict[str, int]:
        """Return what became so far of the calls and episodes that shadows were offered."""
        truth = self.counts.snapshot()["comparisons"][str(Comparison.TRUTH)]
        return {
            "calls taken up": self.counts.calls,
            "dropped queue_full": self.migration.queue.dropped,
            **{f"dropped {reason}": n for reason, n in self.counts.dropped.items()},
            "episodes": self.counts.episodes,
            "compared": truth["compared"],
            **{f"not compared {reason}": n for reason, n in truth["reasons"].items()},
        }

    def _open_episodes(self) -> int:
        concluded = sum(
            n for (which, _), n in list(self.counts.outcomes.items()) if which is Comparison.TRUTH
        )
        return self.counts.episodes - concluded

    def _migration(self) -> Migration:
        manager = self._store.manager
        migration = Migration(
            flags=self._flags.state,
            latch=NEVER_ENGAGED,
            new_hint=BalanceHint,
            manager=manager,
            queue=EventQueue(QUEUE_LIMIT),
        )
        migration.attach(
            connection_aware=ConnectionAwareService(clock=self._legacy_timers),
            user_id_only=UserIdOnlyService(balance_manager=manager, clock=self._legacy_timers),
            canonical=BalanceNotifications(
                truth=self._store.truth(), clock=self._canonical_timers, serves=migration.serves
            ),
        )
        return migration

    def _experiment(self) -> Experiment:
        world = BalanceWorld(
            migration=self.migration,
            truth=self._store.truth(),
            bookings=SqlBookings(self.database.read_only()),
            new_canonical=self._candidate,
            new_hint=BalanceHint,
            unavailable=TruthUnavailable,
            lives=DrawnLives(self._stage),
            counts=self.counts,
            monotonic=time.monotonic,
            noise_percent=self._noise_percent,
        )
        return Experiment(
            world=world,
            counts=self.counts,
            publish=self._evidence.publish,
            publish_noise=self._evidence.publish_noise,
            timer=time.perf_counter,
        )

    def _stage(self) -> Stage:
        return Stage(
            new_canonical=self._candidate,
            new_hint=BalanceHint,
            new_page=new_page,
            unavailable=TruthUnavailable,
        )

    def _candidate(
        self, clock: Clock, truth: TruthReader, bus: Bus, serves: Serves
    ) -> BalanceNotifications:
        candidate = BalanceNotifications(truth=truth, clock=clock, serves=serves, bus=bus)
        if self._misdeed is None:
            return candidate
        return _Misbehaving(candidate, self._misdeed, self._let_go)

    def _connect(self) -> None:
        for user_id in self._store.users:
            connection = _Nowhere(f"bench-{user_id}").connection
            connection.base_version = 0
            self.aware.register_connection(user_id, connection)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _Nowhere:
    """A socket whose other end takes everything at once."""

    def __init__(self, connection_id: str) -> None:
        self.connection = BrowserConnection(connection_id, self._take)

    def _take(self) -> None:
        while self.connection.take() is not None:
            pass


class _Misbehaving:
    """The canonical service, but for what it does before each call."""

    def __init__(
        self, service: BalanceNotifications, misdeed: Misdeed, let_go: threading.Event
    ) -> None:
        self._service = service
        self._misdeed = misdeed
        self._let_go = let_go

    def __getattr__(self, name: str) -> object:
        return getattr(self._service, name)

    def notify_balance_update(self, hint: BalanceHint) -> None:
        """Misbehave, then do as the service does."""
        self._misdeed(self._let_go)
        self._service.notify_balance_update(hint)


def updates(count: int) -> Sequence[BalanceUpdate]:
    """Return what callers of the connection-aware path hand over, one user after the other."""
    at = datetime.now(UTC)
    each = [
        BalanceUpdate(user_id, Decimal(0), Decimal(0), Decimal("0.5"), "TON", "boost_income", at)
        for user_id in USERS
    ]
    return [each[number % len(each)] for number in range(count)]


def user_ids(count: int, users: Sequence[int] = USERS) -> Sequence[int]:
    """Return what callers of the user-id-only path hand over, one user after the other."""
    return [users[number % len(users)] for number in range(count)]
