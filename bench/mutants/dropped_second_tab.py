"""Knows of one connection for each user, the first."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        if not self.connections_of(user_id):
            super().register_connection(user_id, connection)
