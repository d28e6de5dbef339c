"""Counts the later change twice where two frames are merged."""

from dataclasses import replace

from app.notifications.changes import merged as right
from app.notifications.service import BalanceNotifications


def _merged(earlier, later):
    return replace(right(earlier, later), change_uni=earlier.change_uni + 2 * later.change_uni)


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
