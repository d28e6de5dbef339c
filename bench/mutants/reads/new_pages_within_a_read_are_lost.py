"""Forgets a page that comes while it reads."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        if user_id not in self._in_hand:
            super().register_connection(user_id, connection)
