"""The historic import path of the connection-aware service."""

from shim.facade import BalanceUpdate
from shim.facade import ConnectionAwareFacade as BalanceNotificationService

__all__ = ["BalanceNotificationService", "BalanceUpdate"]
