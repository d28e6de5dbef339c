"""Drops the window when a tab is closed of three or more."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        many = len(self.connections_of(user_id)) >= 3
        super().remove_connection(user_id, connection)
        if many:
            with self._lock:
                self._windows.take([user_id])
