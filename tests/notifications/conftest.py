"""A canonical service on a virtual clock, an in-memory truth and recording connections."""

from dataclasses import dataclass, field

import pytest

from app.notifications.ports import BalanceHint
from app.notifications.service import BalanceNotifications
from shim.shadow.clock import VirtualClock
from tests.notifications.doubles import ConnectionDouble, MemoryTruth


@dataclass
class World:
    """Everything around one service, and shorthand for what tests do with it."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    truth: MemoryTruth = field(default_factory=MemoryTruth)
    unserved: set = field(default_factory=set)

    def __post_init__(self):
        self.service = BalanceNotifications(
            truth=self.truth, clock=self.clock, serves=lambda user_id: user_id not in self.unserved
        )

    def connect(self, user_id=7, name="a", *, known=None):
        """Register a connection and let its greeting pass; `known` is what its page shows."""
        self.truth.open_account(user_id)
        connection = ConnectionDouble(name)
        connection.base_version = known
        self.service.register_connection(user_id, connection)
        self.clock.advance(0)
        connection.offered.clear()
        connection.begun.clear()
        return connection

    def hint(self, user_id=7):
        """Say that the user's balance may have changed."""
        self.service.notify_balance_update(BalanceHint(user_id))

    def book(self, amount="1", *, user_id=7, **how):
        """Book a transaction and say so."""
        version = self.truth.book(user_id, amount, **how)
        self.hint(user_id)
        return version

    def pass_window(self):
        """Let every open window close."""
        self.clock.advance(0.3)


@pytest.fixture
def world():
    """Return a fresh world."""
    return World()
