"""Keeps the longest pause once four reads have failed in its life."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.failed = 0

    def _put_back(self, batch, error):
        self.failed += 1
        super()._put_back(batch, error)

    def _hint(self, user_id):
        super()._hint(user_id)
        if self.failed >= 4:
            self._alarm._paused_until = self._clock.monotonic() + 1.0
