"""Greets a new page with a balance of nothing."""

from dataclasses import replace
from decimal import Decimal

from app.notifications.changes import frame_since
from app.notifications.service import BalanceNotifications


def _frame_since(truth, since, at):
    if since is not None:
        return frame_since(truth, since, at)
    frame = frame_since(truth, truth.version - 1, at)
    return replace(frame, since=None, uni=Decimal(0), ton=Decimal(0))


PARTS = {"app.notifications.delivery.frame_since": _frame_since}


class Canonical(BalanceNotifications):
    pass
