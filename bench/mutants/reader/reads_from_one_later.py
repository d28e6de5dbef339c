"""Reads what is newer than the version after the one asked for."""

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def read(self, since, *, timeout=None):
        later = {u: None if v is None else v + 1 for u, v in since.items()}
        return super().read(later, timeout=timeout)


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
