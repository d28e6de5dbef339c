"""Says nothing to a user as long as notifications keep coming."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _hint(self, user_id):
        super()._hint(user_id)
        window = self._windows.get(user_id)
        if window is not None:
            window.first = window.last
