"""Doubles for what the legacy services are handed."""

from dataclasses import dataclass


class SocketDouble:
    """A connection that records what is sent on it, in a log that its scenario shares."""

    def __init__(self, name, log):
        self.name = name
        self.is_open = True
        self.broken = False
        self._log = log

    def send(self, text):
        if self.broken:
            raise ConnectionError(f"connection {self.name} is broken")
        self._log.append((self.name, text))


@dataclass(frozen=True, slots=True)
class BalanceDouble:
    uni: float
    ton: float


class ManagerDouble:
    """A balance manager that answers what it was told and raises for everybody else."""

    def __init__(self):
        self.on_balance_update = None
        self.balances = {}
        self.reads = 0

    def get_user_balance(self, user_id):
        self.reads += 1
        return self.balances[user_id]
