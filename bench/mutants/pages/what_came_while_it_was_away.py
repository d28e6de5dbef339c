"""Takes a page that comes back for one that shows all there is."""

from app.notifications.service import BalanceNotifications


def _take(self, users):
    return {}


PARTS = {"app.notifications.departed.Departed.take": _take}


class Canonical(BalanceNotifications):
    pass
