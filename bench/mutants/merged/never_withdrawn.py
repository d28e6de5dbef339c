"""Never takes anything back of what a slow page has not begun."""

from app.notifications.service import BalanceNotifications


def _withdraw(self, within=0.0):
    return


PARTS = {"app.notifications.outbox.Outbox.withdraw": _withdraw}


class Canonical(BalanceNotifications):
    pass
