"""Knows a page that comes after the first one, and tells it nothing."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.first = set()

    def register_connection(self, user_id, connection):
        if user_id not in self.first:
            self.first.add(user_id)
            super().register_connection(user_id, connection)
