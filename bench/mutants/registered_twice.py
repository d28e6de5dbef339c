"""Registers a connection a second time, as another one."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        super().register_connection(user_id, connection)
        with self._lock:
            known = self._registry.of(user_id)
            self._registry._connections[user_id] = (*known, connection)
