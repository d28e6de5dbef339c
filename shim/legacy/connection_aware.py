"""The connection-aware legacy service, faults included: a record of what production does.

Its faults are kept on purpose, for the shadow compares against them. Do not repair them here:
the canonical service is the repair, and `tests/legacy` plays production's recordings.
"""

import math
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from shim.legacy.javascript import iso_text, map_key, plus, stringify
from shim.legacy.ports import Clock, Connection, TimerHandle
from shim.legacy.updates import BalanceUpdate

WINDOW_S = 0.1

Skipped = Callable[[object, Connection, str], object]


@dataclass(slots=True)
class _Pending:
    """The updates of one user that wait for the window to close."""

    user_id: object
    updates: list[BalanceUpdate] = field(default_factory=list)
    timer: TimerHandle | None = None


class ConnectionAwareService:
    """Collects updates per user and says them 100 ms after the last, as its callers put it.

    Safe to call from any thread. `connection.send` is called under the service's lock and
    must not block. `skipped` is told, with the user and the text, of each connection that was
    passed over because a dead one stood before it.
    """

    def __init__(self, *, clock: Clock, skipped: Skipped = lambda *_: None) -> None:
        self._clock = clock
        self._skipped = skipped
        self._lock = threading.RLock()
        self._connections: dict[Hashable, list[Connection]] = {}
        self._pending: dict[Hashable, _Pending] = {}

    def register_connection(self, user_id: int, connection: Connection) -> None:
        """Add a connection; one that is added twice is sent to twice."""
        with self._lock:
            self._connections.setdefault(map_key(user_id), []).append(connection)

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Take one registration of the connection away, if there is one."""
        key = map_key(user_id)
        with self._lock:
            connections = self._connections.get(key, [])
            for index, known in enumerate(connections):
                if known is connection:
                    del connections[index]
                    break
            else:
                return
            if not connections:
                del self._connections[key]

    def notify_balance_update(self, update: BalanceUpdate) -> None:
        """Remember the update and restart the user's window, however long that goes on.

        Anything but an update has no user id that a connection could answer to: silence.
        """
        if not isinstance(update, BalanceUpdate):
            return
        key = map_key(update.user_id)
        with self._lock:
            pending = self._pending.get(key)
            if pending is None:
                pending = self._pending[key] = _Pending(update.user_id)
            pending.updates.append(update)
            if pending.timer is not None:
                pending.timer.cancel()
            count = len(pending.updates)
            pending.timer = self._clock.call_later(
                WINDOW_S, lambda: self._expire(key, pending, count)
            )

    def flush_pending_updates(self) -> None:
        """Close every window now, in the order in which they were opened."""
        with self._lock:
            for key, pending in list(self._pending.items()):
                self._close(key, pending)

    def get_connection_stats(self) -> dict[str, int]:
        """Return the counts under production's own keys."""
        with self._lock:
            return {
                "totalUsers": len(self._connections),
                "totalConnections": sum(map(len, self._connections.values())),
            }

    def is_pending(self, user_id: int) -> bool:
        """Whether a window of this user is open, or being sent this moment."""
        with self._lock:
            return map_key(user_id) in self._pending

    def pending_users(self) -> tuple[object, ...]:
        """Return the users with an open window, as their callers named them."""
        with self._lock:
            return tuple(pending.user_id for pending in self._pending.values())

    def flush_user(self, user_id: int) -> None:
        """Close this user's window now, if one is open."""
        key = map_key(user_id)
        with self._lock:
            pending = self._pending.get(key)
            if pending is not None:
                self._close(key, pending)

    def _expire(self, key: Hashable, pending: _Pending, count: int) -> None:
        with self._lock:
            # A timer that was cancelled too late finds its window closed, or prolonged.
            if self._pending.get(key) is pending and len(pending.updates) == count:
                self._close(key, pending)

    def _close(self, key: Hashable, pending: _Pending) -> None:
        del self._pending[key]
        if pending.timer is not None:
            pending.timer.cancel()
        connections = self._connections.get(key)
        if connections:
            text = stringify(self._message(pending))
            for skipped in _send(connections, text):
                self._skipped(pending.user_id, skipped, text)

    def _message(self, pending: _Pending) -> dict[str, object]:
        latest = pending.updates[-1]
        return {
            "type": "balance_update",
            "userId": pending.user_id,
            "balanceData": {
                "balanceUni": _sayable(latest.balance_uni),
                "balanceTon": _sayable(latest.balance_ton),
                "changes": {
                    "uni": _change(pending.updates, "UNI"),
                    "ton": _change(pending.updates, "TON"),
                },
                "sources": _sources(pending.updates),
                "timestamp": iso_text(self._clock.utc_now()),
            },
        }


def _change(updates: list[BalanceUpdate], currency: str) -> float | str:
    total: float | str = 0.0
    # Not `sum()`: from Python 3.12 on it compensates the rounding that production has.
    for update in updates:
        if update.currency == currency:
            total = plus(total, update.change_amount)
    return total


def _sources(updates: list[BalanceUpdate]) -> list[object]:
    """Return the sources without repeats, in the order in which they were first seen."""
    seen: dict[Hashable, object] = {}
    for update in updates:
        seen.setdefault(map_key(update.source), _sayable(update.source))
    return list(seen.values())


def _sayable(value: object) -> object:
    """Return the value, or NaN for what only Python has: a timer must not raise."""
    try:
        stringify(value)
    except (TypeError, ValueError, RecursionError):
        return math.nan
    return value


def _send(connections: list[Connection], text: str) -> list[Connection]:
    """Send to the connections, and drop the dead ones. Return those that were skipped."""
    index = 0
    skipped: list[Connection] = []
    while index < len(connections):
        try:
            alive = connections[index].is_open
            if alive:
                connections[index].send(text)
        except Exception:  # noqa: BLE001 - production drops a connection whatever it raised
            alive = False
        if not alive:
            connections[index : index + 1] = []
            skipped += connections[index : index + 1]
        # Moving on after a removal skips the live connection that moved up: production's
        # fault, recorded in the vectors `closed_first_tab_skips_next` and
        # `broken_send_skips_next`.
        index += 1
    return skipped
