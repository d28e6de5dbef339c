"""Takes a page that comes back for one that shows all there is."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def register_connection(self, user_id, connection):
        self._departed.take(user_id)
        super().register_connection(user_id, connection)
