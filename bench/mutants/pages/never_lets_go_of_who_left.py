"""Keeps the last page of a user that left, and counts it as one that is there."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        if len(self.connections_of(user_id)) > 1:
            super().remove_connection(user_id, connection)
