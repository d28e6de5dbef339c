"""Tells a page that subscribes again the last change once more."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        if connection in self.connections_of(user_id) and connection.base_version:
            connection.base_version -= 1
            self._hint(user_id)
        super().register_connection(user_id, connection)
