"""Tells nobody any more in the turn in which one page turns out to be dead."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        delivery = self._delivery
        offer = delivery._offer
        self.broken_at = None

        def careful(reader, frame):
            if self.broken_at == self._clock.monotonic():
                return
            if not reader.connection.is_open:
                self.broken_at = self._clock.monotonic()
                return
            offer(reader, frame)

        delivery._offer = careful
