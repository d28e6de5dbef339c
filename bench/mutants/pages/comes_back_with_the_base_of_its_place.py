"""Gives a page that comes the version of the one that left its place."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.left = []

    def remove_connection(self, user_id, connection):
        if connection.base_version is not None:
            self.left.append(connection.base_version)
        super().remove_connection(user_id, connection)

    def register_connection(self, user_id, connection):
        if connection.base_version is None and self.left:
            connection.base_version = self.left.pop()
        super().register_connection(user_id, connection)
