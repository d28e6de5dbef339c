"""Waits twenty milliseconds within each call."""

import time

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        time.sleep(0.02)
        super().notify_balance_update(hint)
