"""Says the latest time of day that it ever saw."""

from app.notifications.service import BalanceNotifications


class _Rising:
    def __init__(self, clock):
        self.clock = clock
        self.monotonic = clock.monotonic
        self.call_later = clock.call_later
        self.latest = clock.utc_now()

    def utc_now(self):
        self.latest = max(self.latest, self.clock.utc_now())
        return self.latest


class Canonical(BalanceNotifications):
    def __init__(self, *, clock, **ports):
        super().__init__(clock=_Rising(clock), **ports)
