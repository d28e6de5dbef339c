"""Lets a socket that goes to another user keep its version."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        shown = connection.base_version
        super().remove_connection(user_id, connection)
        if connection.is_open:
            connection.base_version = shown
