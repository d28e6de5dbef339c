"""Removes the tab that came last, whichever it was that left."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def remove_connection(self, user_id, connection):
        known = self.connections_of(user_id)
        super().remove_connection(user_id, known[-1] if known else connection)
