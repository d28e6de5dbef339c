"""Leaves a page out that came while a window was open."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        pending = user_id in self._windows
        super().register_connection(user_id, connection)
        if pending:
            connection.base_version = 2**31
