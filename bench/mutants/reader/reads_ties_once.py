"""Reads one of two transactions that were booked at one moment."""

from dataclasses import replace

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def read(self, since, *, timeout=None):
        found = super().read(since, timeout=timeout)
        return {u: replace(t, transactions=_each(t.transactions)) for u, t in found.items()}


def _each(booked):
    return tuple({(b.currency, b.amount): b for b in booked}.values())


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
