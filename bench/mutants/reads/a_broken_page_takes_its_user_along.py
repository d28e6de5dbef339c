"""Drops all tabs of a user if one breaks within a read."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _drop(self, user_id, connection):
        for each in self.connections_of(user_id):
            super()._drop(user_id, each)
