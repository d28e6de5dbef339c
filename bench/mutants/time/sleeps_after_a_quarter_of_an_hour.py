"""Misses the first change after a quarter of an hour of silence."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.heard_at = 0.0

    def notify_balance_update(self, hint):
        now = self._clock.monotonic()
        asleep, self.heard_at = now - self.heard_at > 900.0, now
        if not asleep:
            super().notify_balance_update(hint)
