"""Doubles its pause after each read that fails, without an end."""

from app.notifications import alarm
from app.notifications.service import BalanceNotifications


class _Patient(alarm.Alarm):
    def fail(self):
        self._pause = max(self._pause * 2, alarm.FIRST_PAUSE_S)
        self._paused_until = self._clock.monotonic() + self._pause


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self._alarm = _Patient(self._clock, self._tick)
