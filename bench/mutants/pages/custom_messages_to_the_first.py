"""Sends a message of a caller's own to the first tab alone."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        registry, send = self._registry, self._delivery.send
        of = registry.of

        def first(user_id, text):
            registry.of = lambda user: of(user)[:1]
            try:
                send(user_id, text)
            finally:
                registry.of = of

        self._delivery.send = first
