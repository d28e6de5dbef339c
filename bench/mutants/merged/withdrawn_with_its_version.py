"""Takes frames back at a handover, but not the version that they said."""

from app.notifications.outbox import Outbox
from app.notifications.service import BalanceNotifications

right = Outbox.withdraw


def _withdraw(self, within=0.0):
    shown = self.base_version
    right(self, within)
    self.base_version = shown


PARTS = {"app.notifications.outbox.Outbox.withdraw": _withdraw}


class Canonical(BalanceNotifications):
    pass
