"""Asks whom it may serve when their first page comes."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def __init__(self, *, serves, **ports):
        self.served = {}
        self.ask = serves
        super().__init__(serves=lambda user_id: self.served.get(user_id, True), **ports)

    def register_connection(self, user_id, connection):
        self.served[user_id] = self.ask(user_id)
        super().register_connection(user_id, connection)
