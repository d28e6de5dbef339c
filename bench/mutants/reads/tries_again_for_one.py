"""Tries a read that failed again for the first of its users only."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _put_back(self, batch, error):
        super()._put_back(batch, error)
        with self._lock:
            self._windows.take(list(self._windows.users())[1:])
