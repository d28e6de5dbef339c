"""Loses each tenth hint once it has had a thousand."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.hints = 0

    def notify_balance_update(self, hint):
        self.hints += 1
        if self.hints < 1000 or self.hints % 10:
            super().notify_balance_update(hint)
