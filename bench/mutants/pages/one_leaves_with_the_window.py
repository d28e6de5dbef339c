"""Closes the window of a user when a tab is closed, without a word."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        super().remove_connection(user_id, connection)
        with self._lock:
            self._windows.take([user_id])
