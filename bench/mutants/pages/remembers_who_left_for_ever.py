"""Tells a page of all that came in since somebody left, whenever that was."""

from app.notifications.service import BalanceNotifications

PARTS = {"app.notifications.departed.BACK_WITHIN_S": float("inf")}


class Canonical(BalanceNotifications):
    pass
