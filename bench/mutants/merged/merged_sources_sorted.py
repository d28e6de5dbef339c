"""Sorts the sources where two frames are merged."""

from dataclasses import replace

from app.notifications.changes import merged as right
from app.notifications.service import BalanceNotifications


def _merged(earlier, later):
    return replace(right(earlier, later), sources=tuple(sorted({*earlier.sources, *later.sources})))


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
