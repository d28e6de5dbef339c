"""Has to be told twice that a page left which subscribed twice."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.times = {}

    def register_connection(self, user_id, connection):
        self.times[user_id, connection.id] = self.times.get((user_id, connection.id), 0) + 1
        super().register_connection(user_id, connection)

    def remove_connection(self, user_id, connection):
        left = self.times.pop((user_id, connection.id), 1) - 1
        if left < 1 or not connection.is_open:
            super().remove_connection(user_id, connection)
        else:
            self.times[user_id, connection.id] = left
