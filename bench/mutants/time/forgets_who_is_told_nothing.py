"""Forgets pages that were told nothing for a minute."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.told = {}

    def _hint(self, user_id):
        now = self._clock.monotonic()
        if now - self.told.get(user_id, now) > 60.0:
            for each in self.connections_of(user_id):
                super().remove_connection(user_id, each)
        self.told[user_id] = now
        super()._hint(user_id)
