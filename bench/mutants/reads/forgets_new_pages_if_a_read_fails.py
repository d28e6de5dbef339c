"""Forgets whom it had to look after if the read fails."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def _put_back(self, batch, error):
        super()._put_back(batch, error)
        for user_id in batch.newcomers:
            for each in self.connections_of(user_id):
                if each.base_version is None:
                    self._drop(user_id, each)
