"""Takes of several pages that left the newest version for the one that comes back."""

from app.notifications.departed import Departed
from app.notifications.service import BalanceNotifications

right = Departed.take


def _take(self, users):
    found = right(self, dict.fromkeys(users, 16))
    return {user_id: versions[::-1][: users[user_id]] for user_id, versions in found.items()}


PARTS = {"app.notifications.departed.Departed.take": _take}


class Canonical(BalanceNotifications):
    pass
