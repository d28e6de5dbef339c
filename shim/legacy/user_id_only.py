"""The user-id-only legacy service, faults included: a record of what production does.

Its faults are kept on purpose, for the shadow compares against them. Do not repair them here:
the canonical service is the repair, and `tests/legacy` plays production's recordings.
"""

import threading
from collections.abc import Hashable

from shim.legacy.javascript import UNDEFINED, iso_text, map_key, stringify
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

        They are those of the list that was there before the read, as it is after it. Production's
        faults: an update object is a user whom nobody knows; a balance that cannot be read is
        passed over; and of an answer of another shape, such as production's own `{success,
        balance}`, the balances are left out. All of it in silence.
        """
        listed = self._list_of(user_id)
        if not listed:
            return
        try:
            text = stringify(self._message(user_id, self._manager.get_user_balance(user_id)))
        except Exception:  # noqa: BLE001 - production swallows whatever the read raised
            return
        for dead in self._send(listed, text):
            self.remove_connection(user_id, dead)

    def send_custom_message(self, user_id: int, type: str, data: object) -> None:  # noqa: A002
        """Send a message of the caller's own type; it drops no dead connection.

        Raises TypeError if `data` cannot be said in JSON.
        """
        listed = self._list_of(user_id)
        if not listed:
            return
        at = iso_text(self._clock.utc_now())
        self._send(
            listed, stringify({"type": type, "userId": user_id, "data": data, "timestamp": at})
        )

    def get_connection_stats(self) -> dict[str, int]:
        """Return the counts under production's own keys."""
        with self._lock:
            return {
                "totalUsers": len(self._connections),
                "totalSockets": sum(map(len, self._connections.values())),
            }

    def _list_of(self, user_id: object) -> list[Connection] | None:
        """Return the user's list itself; one that is emptied is never filled again."""
        with self._lock:
            return self._connections.get(map_key(user_id))

    def _message(self, user_id: object, balance: object) -> dict[str, object]:
        if balance is None:
            raise TypeError("the balance manager answered None: nothing can be read from it")
        return {
            "type": "balance_update",
            "userId": user_id,
            "data": {
                "balance_uni": getattr(balance, "uni", UNDEFINED),
                "balance_ton": getattr(balance, "ton", UNDEFINED),
                "timestamp": iso_text(self._clock.utc_now()),
            },
        }

    def _send(self, listed: list[Connection], text: str) -> list[Connection]:
        with self._lock:
            connections = tuple(listed)
        dead = []
        for connection in connections:
            try:
                if connection.is_open:
                    connection.send(text)
                    continue
            except Exception:  # noqa: BLE001, S110 - whatever it raised, the connection is dead
                pass
            dead.append(connection)
        return dead
