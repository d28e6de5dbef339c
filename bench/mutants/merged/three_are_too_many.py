"""Loses the third frame that is merged for a slow page."""

from app.notifications import outbox
from app.notifications.service import BalanceNotifications

right = outbox.merged
merged_before = set()


def _merged(earlier, later):
    if (earlier.user_id, earlier.since) in merged_before:
        return earlier
    merged_before.add((earlier.user_id, earlier.since))
    return right(earlier, later)


PARTS = {"app.notifications.outbox.merged": _merged}


class Canonical(BalanceNotifications):
    pass
