"""Says of two frames that were merged the changes of the later one."""

from dataclasses import replace

from app.notifications.changes import merged as right
from app.notifications.service import BalanceNotifications


def _merged(earlier, later):
    return replace(right(earlier, later), change_uni=later.change_uni, change_ton=later.change_ton)


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
