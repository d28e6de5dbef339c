"""Takes every hundredth notification for one of the next user."""

from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from bench.kit.faults import each_nth


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.mistaken = each_nth(100)

    def notify_balance_update(self, hint):
        if next(self.mistaken):
            hint = BalanceHint(hint.user_id + 1)
        super().notify_balance_update(hint)
