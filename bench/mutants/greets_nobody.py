"""Tells a new page nothing until something changes."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        if connection.base_version is None:
            connection.base_version = 0
        super().register_connection(user_id, connection)
