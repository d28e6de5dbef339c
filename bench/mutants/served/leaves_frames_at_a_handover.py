"""Leaves what a slow page has not begun to whoever serves next, and says it then."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _withdraw(self, lost, deadline):
        pass
