"""Forgets all tabs of a user when one is closed."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        for each in self.connections_of(user_id):
            super().remove_connection(user_id, each)
