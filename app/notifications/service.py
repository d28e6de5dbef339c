"""The canonical balance notifications.

A notification is a hint that a user's balance may have changed. Hints are collected in a
window; when it closes, the truth is read from the database, once for all windows that close
together, and each open connection is offered what is new to it.

Three locks, always taken in this order: `_turn` (one reads and hands out at a time; held while
the database is read), `_handing_out` (asking who is served and offering; never held while
anything blocks), `_lock` (the bookkeeping; all that a caller of `notify` ever waits for).
"""

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import structlog

from app.notifications.alarm import Alarm
from app.notifications.bus import Bus, InProcessBus
from app.notifications.deadline import within
from app.notifications.delivery import Delivery, HandedOut
from app.notifications.messages import custom_message
from app.notifications.ports import BalanceHint, Clock, Connection, Departures, Serves, TruthReader
from app.notifications.registry import ConnectionStats, Registry
from app.notifications.windows import QUIET_S, Window, Windows

_log = structlog.get_logger(__name__)

READ_TIMEOUT_S = 1.0
"""How long a read may take before its windows are tried again."""
SECOND_LOOK_S = 0.02
"""When to look again at a window of a user who is no longer served,"""
HELD_BACK_S = 1.0
"""and how long such a window waits to be relinquished before it is dropped."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is handed out together: closed windows, and users with a new connection."""

    windows: list[Window]
    newcomers: frozenset[int]
    users: frozenset[int]


class BalanceNotifications:
    """Tells the browsers of each user what the database holds. Safe to call from any thread.

    Windows close on the thread of `clock`; the only thread that it starts itself is for the last
    read before a handover. `serves` says whom it may send to at this moment.
    """

    def __init__(
        self, *, truth: TruthReader, clock: Clock, serves: Serves, bus: Bus | None = None
    ) -> None:
        self._clock = clock
        self._serves = serves
        self._bus = bus or InProcessBus()
        self._publish = self._bus.publish
        self._turn = threading.Lock()
        self._handing_out = threading.Lock()
        self._lock = threading.Lock()
        self._registry = Registry()
        self._windows = Windows()
        self._newcomers: set[int] = set()
        self._in_hand: frozenset[int] = frozenset()
        self._alarm = Alarm(clock, self._tick)
        self._failures = 0
        self._delivery = Delivery(
            truth=truth, clock=clock, serves=serves, registry=self._registry, drop=self._drop
        )
        self.counters = self._delivery.counters

    def remember_in(self, departures: Departures) -> None:
        """Remember there what pages showed whose socket ended, and no longer in this process."""
        self._delivery.departures = departures

    def register_connection(self, user_id: int, connection: Connection) -> None:
        """Add a connection, once; what its page has missed follows at once if it is served."""
        with self._lock:
            if not self._registry.add(user_id, connection) or connection.base_version is not None:
                return
            if user_id not in self._windows:  # one that is open is closed for it, too
                self._newcomers.add(user_id)
                self._alarm.set(self._clock.monotonic())

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Take a connection away, with what it has not begun to send; unknown ones are ignored."""
        with self._handing_out:
            with self._lock:
                if not self._registry.remove(user_id, connection):
                    return
            self._delivery.remember(user_id, connection)
            connection.base_version = connection.known = None
            connection.overheard = connection.settled = None

    def notify_balance_update(self, hint: BalanceHint) -> None:
        """Note that the user's balance may have changed; never waits for a read or a send."""
        self._hint(hint.user_id)
        self._publish(hint.user_id)  # always: another worker may hold another tab of the user

    def look_again(self, users: Iterable[int]) -> None:
        """Hear of users of whom no caller spoke here, from the bus or a sweep.

        Nobody asked for what is sent, so it is sent only to those whom the canonical serves.
        """
        for user_id in users:
            if user_id in self._registry and self._serves(user_id):
                self._hint(user_id)

    def _hint(self, user_id: int) -> None:
        now = self._clock.monotonic()
        with self._lock:
            window = self._windows.get(user_id)
            if window is not None:
                window.last = now
            elif user_id in self._registry:  # whoever connects later is told the present balance
                self._windows.hint(user_id, now)
                self._newcomers.discard(user_id)
                self._alarm.set(now + QUIET_S)

    def send_custom_message(self, user_id: int, type: str, data: object) -> None:  # noqa: A002
        """Send a message of the caller's own type to the user's connections, on all workers.

        Raises TypeError if `data` cannot be said in JSON.
        """
        text = custom_message(user_id, type, data, self._clock.utc_now())
        self._delivery.send(user_id, text)
        self._bus.pass_on(user_id, text)

    def hear_message(self, user_id: int, text: str) -> None:
        """Send on what another worker said to a user, if the canonical serves the user here."""
        if user_id in self._registry and self._serves(user_id):
            self._delivery.send(user_id, text)

    def flush_pending_updates(
        self, users: Collection[int] | None = None, *, read_timeout: float | None = None
    ) -> None:
        """Close the windows of these users, of all if None, now, on this thread.

        `read_timeout` in seconds, None for as long as the database takes.
        """
        with self._turn:
            with self._lock:
                greeted = self._newcomers if users is None else self._newcomers.intersection(users)
                batch = self._take(self._windows.take(users), frozenset(greeted))
            self._settle(batch, timeout=read_timeout)

    def relinquish(self, lost: Callable[[int], bool], *, read_timeout: float = 0.05) -> None:
        """Hand users over to another service: finish what is pending, then fall silent.

        The open windows of users for whom `lost` is true are flushed, with `read_timeout`
        seconds for all of it; one that cannot be read in time is dropped and counted. When
        it returns, no frame of ours is begun for these users until `serves` says so again:
        it must say no to them before the call.
        """
        deadline = self._clock.monotonic() + read_timeout
        mine = self._turn.acquire(timeout=read_timeout)
        try:
            self._finish(lost, deadline if mine else None)
        finally:
            if mine:
                self._turn.release()
        self._withdraw(lost, deadline)

    def is_pending(self, user_id: int) -> bool:
        """Whether a window or a greeting of this user is open, or being handed out."""
        with self._lock:
            return (
                user_id in self._windows or user_id in self._newcomers or user_id in self._in_hand
            )

    def pending_users(self) -> tuple[int, ...]:
        """Return the users for whom something is open, or being handed out."""
        with self._lock:
            return tuple(self._newcomers.union(self._windows.users(), self._in_hand))

    def connections_of(self, user_id: int) -> tuple[Connection, ...]:
        """Return the user's connections, in the order of registration; takes no lock."""
        return self._registry.of(user_id)

    def connected_users(self) -> tuple[int, ...]:
        """Return the users who have a connection here; takes no lock."""
        return self._registry.users()

    def get_connection_stats(self) -> ConnectionStats:
        """Return how many users have how many connections."""
        with self._lock:
            return self._registry.stats()

    def _tick(self) -> None:
        with self._turn:
            with self._lock:
                self._alarm.rang()
                if self._alarm.is_paused:
                    self._set_alarm()
                    return
                due = self._windows.take_due(self._clock.monotonic())
                batch = self._take(due, frozenset(self._newcomers))
            self._settle(batch, timeout=READ_TIMEOUT_S)

    def _take(self, windows: list[Window], newcomers: frozenset[int]) -> _Batch:
        """Take in hand what will be handed out; with turn and lock."""
        self._newcomers -= newcomers
        self._in_hand = newcomers.union(window.user_id for window in windows)
        return _Batch(windows, newcomers, self._in_hand)

    def _settle(self, batch: _Batch, *, timeout: float | None) -> None:
        """Read and hand out what was taken in hand; with the turn."""
        try:
            hinted = {window.user_id for window in batch.windows}
            reading = self._delivery.read(batch.users, timeout=timeout, hinted=hinted)
            with self._handing_out:
                handed_out = self._delivery.hand_out(reading)
        except Exception as error:  # noqa: BLE001 - whatever it was, no window is lost
            self._put_back(batch, error)
        else:
            self._put_aside(batch, handed_out, read=bool(reading.readers))

    def _put_back(self, batch: _Batch, error: Exception) -> None:
        with self._lock:
            self._in_hand = frozenset()
            self._newcomers |= batch.newcomers
            self._windows.restore(batch.windows, self._clock.monotonic())
            self._alarm.fail()
            self._set_alarm()
            self.counters.reads_failed += 1
            self._failures += 1
            first = self._failures == 1
        if first:
            _log.warning("balances_unreadable", error=str(error), kept=len(batch.users))

    def _put_aside(self, batch: _Batch, handed_out: HandedOut, *, read: bool) -> None:
        now = self._clock.monotonic()
        held = [window for window in batch.windows if window.user_id in handed_out.unserved]
        fresh = [window for window in held if now < window.first + HELD_BACK_S]
        with self._lock:
            self._in_hand = frozenset()
            self._windows.restore(fresh, now + SECOND_LOOK_S)
            for user_id in handed_out.overtaken:
                self._windows.hint(user_id, now)
            failures = self._failures if read else 0
            if read:
                self._alarm.succeed()
                self._failures = 0
            self._set_alarm()
        self._count_dropped(len(held) - len(fresh), "their users are served by another service")
        if failures:
            _log.info("balances_readable_again", failures=failures)

    def _set_alarm(self) -> None:
        next_window = self._windows.wake_at()
        if self._newcomers:
            self._alarm.set(self._clock.monotonic())
        elif next_window is not None:
            self._alarm.set(next_window)

    def _finish(self, lost: Callable[[int], bool], deadline: float | None) -> None:
        """Flush the windows of lost users until `deadline`; drop them if there is none."""
        with self._lock:
            pending = self._windows.users()
        users = [user_id for user_id in pending if lost(user_id)]
        if not users:
            return
        with self._lock:
            windows = self._windows.take(users)
            if deadline is not None:
                self._in_hand = frozenset(users)
        if deadline is None:
            self._count_dropped(len(windows), "another read takes too long")
            return
        try:
            left = max(deadline - self._clock.monotonic(), 0.0)
            reading = within(left, lambda: self._delivery.read(users, timeout=left, hinted=users))
            with self._handing_out:
                self._delivery.hand_out(reading, granted=users)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other service takes over
            self._count_dropped(len(windows), str(error))
        finally:
            with self._lock:
                self._in_hand = frozenset()

    def _withdraw(self, lost: Callable[[int], bool], deadline: float) -> None:
        with self._lock:
            connected = self._registry.users()
        users = [user_id for user_id in connected if lost(user_id)]
        # Whoever offers asks `serves` under this lock: what was granted before is offered
        # by now, and nothing more will be.
        with self._handing_out:
            connections = [c for user_id in users for c in self._registry.of(user_id)]
        for connection in connections:
            connection.release()  # all of them, before any of them is waited for
        for connection in connections:
            connection.withdraw(max(deadline - self._clock.monotonic(), 0.0))

    def _count_dropped(self, windows: int, reason: str) -> None:
        if windows:
            with self._lock:
                self.counters.windows_dropped += windows
            _log.warning("windows_dropped", windows=windows, reason=reason)

    def _drop(self, user_id: int, connection: Connection) -> None:
        with self._lock:
            if not self._registry.remove(user_id, connection):
                return
            self.counters.connections_dropped += 1
        self._delivery.remember(user_id, connection)


NewNotifications = Callable[..., BalanceNotifications]
"""Builds the service; called with the keywords of its constructor."""
