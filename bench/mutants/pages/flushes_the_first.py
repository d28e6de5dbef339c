"""Flushes the window that was opened first alone."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def flush_pending_updates(self, users=None, **limits):
        pending = self._windows.users() if users is None else users
        super().flush_pending_updates(list(pending)[:1], **limits)
        with self._lock:
            self._windows.take()
