"""Keeps a page that unsubscribed, and goes on telling it."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        if not connection.is_open:
            super().remove_connection(user_id, connection)
