"""Reads balances as binary floats."""

from dataclasses import replace

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def read(self, since, *, timeout=None):
        found = super().read(since, timeout=timeout)
        return {u: replace(t, uni=float(t.uni), ton=float(t.ton)) for u, t in found.items()}


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
