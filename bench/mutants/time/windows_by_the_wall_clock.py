"""Times its windows by the time of day."""

from app.notifications.service import BalanceNotifications


class _Wall:
    def __init__(self, clock):
        self.clock = clock
        self.utc_now = clock.utc_now
        self.call_later = clock.call_later

    def monotonic(self):
        return self.clock.utc_now().timestamp()


class Canonical(BalanceNotifications):
    def __init__(self, *, clock, **ports):
        super().__init__(clock=_Wall(clock), **ports)
