"""Reads balances as they were before the newest transaction."""

from dataclasses import replace

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def read(self, since, *, timeout=None):
        found = super().read(since, timeout=timeout)
        return {u: _before(t) for u, t in found.items()}


def _before(truth):
    if len(truth.transactions) < 2:
        return truth
    earlier = truth.transactions[-2]
    return replace(truth, uni=earlier.uni_after, ton=earlier.ton_after)


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
