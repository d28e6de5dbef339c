"""Says of two frames that were merged the balance of the earlier."""

from dataclasses import replace

from app.notifications.changes import merged as right
from app.notifications.service import BalanceNotifications


def _merged(earlier, later):
    return replace(right(earlier, later), uni=earlier.uni, ton=earlier.ton)


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
