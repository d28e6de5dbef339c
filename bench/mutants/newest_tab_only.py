"""Forgets a user's connections when another one comes."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        for known in self.connections_of(user_id):
            self.remove_connection(user_id, known)
        super().register_connection(user_id, connection)
