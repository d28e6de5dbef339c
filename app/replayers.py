"""What runs a divergence of each migration again, on both sides as they are in the code now."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from app.core.farming_income import accrued_income
from app.notifications.connections import BrowserConnection
from app.notifications.doorbell import Doorbell
from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications
from flags.decision import BALANCE_NOTIFICATIONS, FARMING_INCOME
from shim.balance.replay.replayer import balance_replayer
from shim.income.replay.replayer import income_replayer
from shim.legacy.tick_income import tick_income
from shim.ports import Bus, Clock, TruthReader
from shim.replay.replayer import Replayer


@cache
def replayers() -> Mapping[str, Replayer[Any]]:
    """Return them by the name of the migration."""
    return {
        BALANCE_NOTIFICATIONS.migration: balance_replayer(
            new_canonical=_canonical,
            new_hint=BalanceHint,
            new_page=new_page,
            unavailable=TruthUnavailable,
        ),
        FARMING_INCOME.migration: income_replayer(legacy=tick_income, canonical=accrued_income),
    }


def new_page(
    connection_id: str,
    wake: Callable[[], None],
    distance_s: float,
    monotonic: Callable[[], float],
) -> BrowserConnection:
    """Build the connection of a page that lives on a shadow's clock: see `NewPage`."""
    doorbell = Doorbell(distance_s=distance_s, monotonic=monotonic)
    return BrowserConnection(connection_id, wake, doorbell=doorbell)


def _canonical(
    clock: Clock, truth: TruthReader, bus: Bus | None, serves: Callable[[int], bool]
) -> BalanceNotifications:
    return BalanceNotifications(truth=truth, clock=clock, serves=serves, bus=bus)
