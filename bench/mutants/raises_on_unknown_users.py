"""Raises for users whose id has a nine in it."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        if "9" in str(hint.user_id):
            raise KeyError(hint.user_id)
        super().notify_balance_update(hint)
