"""Tells a page of all that came in since somebody left, whenever that was."""

import app.notifications.departed as departed
from app.notifications.service import BalanceNotifications


class _Memory(departed.Departed):
    def add(self, user_id, version):
        self._pages.setdefault(user_id, []).append((float("inf"), version))


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self._departed = _Memory(monotonic=self._clock.monotonic)
