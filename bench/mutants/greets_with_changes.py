"""Greets a new page with all that the user has as a change."""

from dataclasses import replace

from app.notifications.changes import frame_since
from app.notifications.service import BalanceNotifications


def _frame_since(truth, since, at):
    if since is not None:
        return frame_since(truth, since, at)
    frame = frame_since(truth, truth.version - 1, at)
    return replace(frame, since=None, change_uni=truth.uni, change_ton=truth.ton)


PARTS = {"app.notifications.delivery.frame_since": _frame_since}


class Canonical(BalanceNotifications):
    pass
