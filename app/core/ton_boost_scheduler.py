"""The TON boost scheduler: books through the manager, and says what it thinks the balance is."""

from datetime import datetime
from decimal import Decimal

import structlog
from sqlalchemy import select

from app.core.balance_manager import BalanceManager
from app.core.balance_notification_service import BalanceNotificationService, BalanceUpdate
from app.core.income import income, tick_at
from app.credits import Booked, Credit
from app.database import Database
from app.errors import CreditError
from app.models import Balance, TonBoost
from app.money import Currency

TOO_LITTLE = Decimal("0.0001")
"""An income in TON that is not above this is not paid."""

_log = structlog.get_logger(__name__)


class TonBoostScheduler:
    """Pays each boost once a tick.

    One payment is two notifications, as in production: the hook of the balance manager, through
    which it is booked, and a call of its own.
    """

    def __init__(self, database: Database, manager: BalanceManager, *, interval_s: float) -> None:
        self._database = database
        self._manager = manager
        self._interval_s = interval_s

    def run_once(self, now: datetime) -> list[Booked]:
        """Pay the tick of `now`; a boost that cannot be paid is logged and the rest are paid.

        Returns what was booked, duplicates included. Raises `DatabaseUnavailable`.
        """
        tick = tick_at(now, self._interval_s)
        with self._database.reading() as session:
            boosts = session.scalars(select(TonBoost).order_by(TonBoost.id)).all()
        booked = []
        for boost in boosts:
            earned = income(boost.amount, boost.daily_rate)
            if earned <= TOO_LITTLE:
                continue
            credit = Credit(
                user_id=boost.user_id,
                currency=Currency.TON,
                amount=earned,
                source="boost_income",
                idempotency_key=f"boost:{boost.id}:{tick}",
            )
            try:
                booked.append(self._pay(credit))
            except CreditError as error:
                _log.error("boost_failed", boost=boost.id, error=type(error).__name__)
        return booked

    def _pay(self, credit: Credit) -> Booked:
        with self._database.reading() as session:
            before = session.get(Balance, credit.user_id)
        booked = self._manager.change_balance(credit)
        if before is not None and not booked.duplicate:
            _notify(booked, before)
        return booked


def _notify(booked: Booked, before: Balance) -> None:
    # The balance is worked out from the one read before the booking, as production does it:
    # what others book in between is missing from it.
    update = BalanceUpdate(
        user_id=booked.user_id,
        balance_uni=before.uni,
        balance_ton=before.ton + booked.amount,
        change_amount=booked.amount,
        currency=booked.currency,
        source=booked.source,
        timestamp=booked.created_at,
    )
    try:
        BalanceNotificationService.get_instance().notify_balance_update(update)
    except Exception:  # noqa: BLE001 - the money is booked, and the next boost must be paid
        _log.exception("notify_failed", source=booked.source)
