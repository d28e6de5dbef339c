"""Tells other workers of the next user."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        self._hint(hint.user_id)
        self._publish(hint.user_id + 1)
