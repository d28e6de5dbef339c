"""The farming scheduler: pays the income of every deposit through the batch processor."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core.batch_balance_processor import (
    UNI_FARMING_INCOME,
    BatchBalanceProcessor,
    BatchOutcome,
)
from app.core.farming_income import Farmed
from app.core.income import tick_at
from app.credits import Booked, Credit
from app.database import Database
from app.models import FarmingDeposit
from app.money import Currency

IncomeOf = Callable[[Farmed], Decimal]
"""Returns what a deposit has earned, in UNI, with six decimals."""


class FarmingScheduler:
    """Pays each deposit once a tick, however many processes run the same tick."""

    def __init__(
        self,
        database: Database,
        processor: BatchBalanceProcessor,
        *,
        interval_s: float,
        income: IncomeOf,
    ) -> None:
        self._database = database
        self._processor = processor
        self._interval_s = interval_s
        self._income = income

    def run_once(self, now: datetime) -> BatchOutcome:
        """Pay the tick of `now`. Raises `DatabaseUnavailable` if the deposits cannot be read."""
        tick = tick_at(now, self._interval_s)
        at = datetime.fromtimestamp(tick * self._interval_s, UTC)
        deposits = {f"farming:{deposit.id}:{tick}": deposit for deposit in self._unpaid(at)}
        asked = [
            Credit(
                user_id=deposit.user_id,
                currency=Currency.UNI,
                amount=earned,
                source=UNI_FARMING_INCOME,
                idempotency_key=key,
            )
            for key, deposit in deposits.items()
            if (earned := self._income(self._farmed(deposit, at))) > 0
        ]

        def note_payment(session: Session, booked: Sequence[Booked]) -> None:
            paid = [deposits[each.idempotency_key].id for each in booked if not each.duplicate]
            session.execute(
                update(FarmingDeposit).where(FarmingDeposit.id.in_(paid)).values(paid_until=at)
            )

        return self._processor.process(asked, along=note_payment)

    def _unpaid(self, at: datetime) -> Sequence[FarmingDeposit]:
        """Return the deposits that were not paid for this very tick."""
        unpaid = FarmingDeposit.paid_until.is_distinct_from(at)
        with self._database.reading() as session:
            return session.scalars(
                select(FarmingDeposit).where(unpaid).order_by(FarmingDeposit.id)
            ).all()

    def _farmed(self, deposit: FarmingDeposit, at: datetime) -> Farmed:
        """Return what is to be paid for: of a deposit that was never paid, one tick."""
        return Farmed(
            user_id=deposit.user_id,
            amount=deposit.amount,
            daily_rate=deposit.daily_rate,
            since=deposit.paid_until or at - timedelta(seconds=self._interval_s),
            until=at,
        )
