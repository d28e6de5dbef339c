"""The integration that tells browsers of what is booked through the balance manager."""

from app.core.balance_manager import BalanceManager
from app.core.BalanceNotificationService import BalanceNotificationService


class WebSocketBalanceIntegration:
    """Sits in the manager's one hook once it is installed."""

    def __init__(self, manager: BalanceManager) -> None:
        self._manager = manager

    def install(self) -> None:
        """Take the hook from whoever has it."""
        self._manager.on_balance_update = self._on_balance_update

    def _on_balance_update(self, user_id: int) -> None:
        BalanceNotificationService.get_instance().notify_balance_update(user_id)
