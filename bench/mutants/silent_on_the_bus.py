"""Tells no other worker."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        self._hint(hint.user_id)
