"""Takes no notice of every hundredth notification."""

from app.notifications.service import BalanceNotifications
from bench.kit.faults import each_nth


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.lost = each_nth(100)

    def notify_balance_update(self, hint):
        if not next(self.lost):
            super().notify_balance_update(hint)
