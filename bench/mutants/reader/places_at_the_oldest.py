"""Finds the first version that had a balance, where the newest is asked for."""

from app.adapters.truth import SqlTruthReader
from app.notifications.service import BalanceNotifications


class _Reader(SqlTruthReader):
    def place(self, user_id, uni, ton):
        whole = self.read({user_id: 0}).get(user_id)
        same = (
            each.version
            for each in (whole.transactions if whole else ())
            if (each.uni_after, each.ton_after) == (uni, ton)
        )
        return next(same, None)


PARTS = {"app.adapters.truth.SqlTruthReader": _Reader}


class Canonical(BalanceNotifications):
    pass
