"""Takes a hint that comes while it reads for one that is answered."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _hint(self, user_id):
        if user_id not in self._in_hand:
            super()._hint(user_id)
