"""Takes no notice of users whom it is just telling."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _hint(self, user_id):
        if user_id not in self._in_hand and user_id not in self._windows:
            super()._hint(user_id)
