"""Never serves a user again who was another service's once."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, *, serves, **ports):
        lost = set()

        def asked(user_id):
            if not serves(user_id):
                lost.add(user_id)
            return user_id not in lost

        super().__init__(serves=asked, **ports)
