"""Asks once for each user whom it may serve."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, *, serves, **ports):
        known = {}

        def remembered(user_id):
            return known.setdefault(user_id, serves(user_id))

        super().__init__(serves=remembered, **ports)
