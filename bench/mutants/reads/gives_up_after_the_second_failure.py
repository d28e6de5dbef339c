"""Drops what it wanted to tell after the second read that fails on end."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _put_back(self, batch, error):
        super()._put_back(batch, error)
        if self._failures >= 2:
            with self._lock:
                self._windows.take(batch.users)
                self._newcomers -= batch.users
