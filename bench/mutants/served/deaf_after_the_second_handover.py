"""Takes no notice of a user whom it handed over twice."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.handed_over = {}

    def relinquish(self, lost, **limits):
        for user_id in self.connected_users():
            if lost(user_id):
                self.handed_over[user_id] = self.handed_over.get(user_id, 0) + 1
        super().relinquish(lost, **limits)

    def _hint(self, user_id):
        if self.handed_over.get(user_id, 0) < 2:
            super()._hint(user_id)
