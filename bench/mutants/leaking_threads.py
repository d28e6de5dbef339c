"""Leaves a thread behind for each notification."""

import threading

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        super().notify_balance_update(hint)
