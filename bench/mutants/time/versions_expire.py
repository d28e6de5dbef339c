"""Forgets after five minutes what a page shows, and begins anew."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.at = {}

    def _hint(self, user_id):
        now = self._clock.monotonic()
        for each in self.connections_of(user_id):
            if now - self.at.get(each.id, now) > 300.0:
                each.base_version = None
            self.at[each.id] = now
        super()._hint(user_id)
