"""Reads each user once, and the newest version alone from then on."""

from dataclasses import replace

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def read(self, since, *, timeout=None):
        known = self.__dict__.setdefault("known", {})
        found = super().read(since, timeout=timeout)
        return {u: replace(t, uni=known.setdefault(u, t).uni) for u, t in found.items()}


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
