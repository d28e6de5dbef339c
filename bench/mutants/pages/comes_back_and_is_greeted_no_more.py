"""Knows who was here before, and has no word for them."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.seen = set()

    def register_connection(self, user_id, connection):
        known = user_id in self.seen and not self.connections_of(user_id)
        self.seen.add(user_id)
        super().register_connection(user_id, connection)
        if known:
            self._newcomers.discard(user_id)
            connection.base_version = 2**31
