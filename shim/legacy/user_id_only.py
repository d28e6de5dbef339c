"""The user-id-only legacy service, faults included: a record of what production does.

Its faults are kept on purpose, for the shadow compares against them. Do not repair them here:
the canonical service is the repair, and `tests/legacy` plays production's recordings.
"""

import threading
from collections.abc import Hashable

from shim.legacy.javascript import iso_text, map_key, number, stringify
from shim.legacy.ports import BalanceManager, Clock, Connection


class UserIdOnlyService:
    """Says a user's balance at once, as the balance manager answers at the time of the call.

    Building it installs it as the manager's hook. Safe to call from any thread.
    """

    def __init__(self, *, balance_manager: BalanceManager, clock: Clock) -> None:
        self._manager = balance_manager
        self._clock = clock
        self._lock = threading.Lock()
        self._connections: dict[Hashable, list[Connection]] = {}
        balance_manager.on_balance_update = self.notify_balance_update

    def add_connection(self, user_id: int, connection: Connection) -> None:
        """Add a connection; adding it again changes nothing."""
        with self._lock:
            connections = self._connections.setdefault(map_key(user_id), [])
            if not any(known is connection for known in connections):
                connections.append(connection)

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Take the connection away, if it is there."""
        key = map_key(user_id)
        with self._lock:
            connections = self._connections.get(key)
            if connections is None:
                return
            connections[:] = [known for known in connections if known is not connection]
            if not connections:
                del self._connections[key]

    def notify_balance_update(self, user_id: int) -> None:
        """Read the balance and send it to the user's connections.

        Production's faults: an update object is a user whom nobody knows, and a balance
        that cannot be read is passed over; both in silence.
        """
        if not self._connections_of(user_id):
            return
        try:
            balance = self._manager.get_user_balance(user_id)
        except Exception:  # noqa: BLE001 - production swallows whatever the read raised
            return
        data = {
            "balance_uni": number(balance.uni),
            "balance_ton": number(balance.ton),
            "timestamp": iso_text(self._clock.utc_now()),
        }
        text = stringify({"type": "balance_update", "userId": user_id, "data": data})
        for dead in self._send(user_id, text):
            self.remove_connection(user_id, dead)

    def send_custom_message(self, user_id: int, type: str, data: object) -> None:  # noqa: A002
        """Send a message of the caller's own type; it drops no dead connection.

        Raises TypeError if `data` cannot be said in JSON.
        """
        if not self._connections_of(user_id):
            return
        at = iso_text(self._clock.utc_now())
        self._send(
            user_id, stringify({"type": type, "userId": user_id, "data": data, "timestamp": at})
        )

    def get_connection_stats(self) -> dict[str, int]:
        """Return the counts under production's own keys."""
        with self._lock:
            return {
                "totalUsers": len(self._connections),
                "totalSockets": sum(map(len, self._connections.values())),
            }

    def _connections_of(self, user_id: object) -> tuple[Connection, ...]:
        with self._lock:
            return tuple(self._connections.get(map_key(user_id), ()))

    def _send(self, user_id: object, text: str) -> list[Connection]:
        dead = []
        for connection in self._connections_of(user_id):
            try:
                if connection.is_open:
                    connection.send(text)
                    continue
            except Exception:  # noqa: BLE001, S110 - whatever it raised, the connection is dead
                pass
            dead.append(connection)
        return dead
