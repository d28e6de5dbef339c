"""The historic import path of the user-id-only service."""

from shim.facade import BalanceUpdate
from shim.facade import UserIdOnlyFacade as BalanceNotificationService

__all__ = ["BalanceNotificationService", "BalanceUpdate"]
