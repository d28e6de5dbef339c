"""Takes a page for one that shows all there is, though it says that it shows less."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        if connection.base_version is None:
            connection.known = None
        super().register_connection(user_id, connection)
