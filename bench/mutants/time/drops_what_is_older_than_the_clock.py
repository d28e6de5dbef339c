"""Tells nothing that was booked later than the clock says it is."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.latest = self._clock.utc_now()

    def _hint(self, user_id):
        now = self._clock.utc_now()
        if now >= self.latest:
            self.latest = now
            super()._hint(user_id)
