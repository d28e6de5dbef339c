"""What the tests of the callers share: a database, and services that only write down."""

from dataclasses import dataclass, field

import pytest

from app.core import BalanceNotificationService, balance_notification_service


@dataclass
class Recorder:
    """Stands in for a notification service: writes down what it is asked to notify.

    `error` is raised by each call, if there is one.
    """

    notified: list[object] = field(default_factory=list)
    error: Exception | None = None

    def notify_balance_update(self, argument: object) -> None:
        """Write the argument down."""
        self.notified.append(argument)
        if self.error is not None:
            raise self.error


@pytest.fixture
def by_id(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Return what the user-id-only import path leads to."""
    recorder = Recorder()
    service = BalanceNotificationService.BalanceNotificationService
    monkeypatch.setattr(service, "get_instance", lambda: recorder)
    return recorder


@pytest.fixture
def aware(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Return what the connection-aware import path leads to."""
    recorder = Recorder()
    service = balance_notification_service.BalanceNotificationService
    monkeypatch.setattr(service, "get_instance", lambda: recorder)
    return recorder
