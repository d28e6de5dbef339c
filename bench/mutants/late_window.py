"""Closes windows two seconds too late."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _hint(self, user_id):
        self._clock.call_later(2.0, lambda: super(Canonical, self)._hint(user_id))
