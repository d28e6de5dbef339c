"""Reckons the time of day from the one at its start."""

from datetime import timedelta

from app.notifications.service import BalanceNotifications


class _Start:
    def __init__(self, clock):
        self.monotonic = clock.monotonic
        self.call_later = clock.call_later
        self.began = clock.utc_now(), clock.monotonic()

    def utc_now(self):
        at, seconds = self.began
        return at + timedelta(seconds=self.monotonic() - seconds)


class Canonical(BalanceNotifications):
    def __init__(self, *, clock, **ports):
        super().__init__(clock=_Start(clock), **ports)
