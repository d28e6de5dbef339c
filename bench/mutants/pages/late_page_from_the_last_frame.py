"""Takes a new page for one that shows what the user was told last."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.told = {}

    def register_connection(self, user_id, connection):
        if connection.base_version is None and user_id in self.told:
            connection.base_version = self.told[user_id]
        super().register_connection(user_id, connection)

    def notify_balance_update(self, hint):
        super().notify_balance_update(hint)
        shown = [each.base_version for each in self.connections_of(hint.user_id)]
        self.told[hint.user_id] = max((v for v in shown if v is not None), default=0)
