"""Says of two frames that were merged that they begin where the later does."""

from dataclasses import replace

from app.notifications.changes import merged as right
from app.notifications.service import BalanceNotifications


def _merged(earlier, later):
    return replace(right(earlier, later), since=later.since)


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
