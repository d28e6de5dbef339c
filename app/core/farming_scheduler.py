"""The farming scheduler: pays the income of every deposit through the batch processor."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from app.core.batch_balance_processor import BatchBalanceProcessor, BatchOutcome
from app.core.income import income, tick_at
from app.credits import Credit
from app.database import Database
from app.models import FarmingDeposit
from app.money import Currency


class FarmingScheduler:
    """Pays each deposit once a tick, however many processes run the same tick."""

    def __init__(
        self, database: Database, processor: BatchBalanceProcessor, *, interval_s: float
    ) -> None:
        self._database = database
        self._processor = processor
        self._interval_s = interval_s

    def run_once(self, now: datetime) -> BatchOutcome:
        """Pay the tick of `now`. Raises `DatabaseUnavailable` if the deposits cannot be read."""
        return self._processor.process(list(self._credits(tick_at(now, self._interval_s))))

    def _credits(self, tick: int) -> Iterator[Credit]:
        with self._database.reading() as session:
            deposits = session.scalars(select(FarmingDeposit).order_by(FarmingDeposit.id)).all()
        for deposit in deposits:
            earned = income(deposit.amount, deposit.daily_rate)
            if earned > 0:
                yield Credit(
                    user_id=deposit.user_id,
                    currency=Currency.UNI,
                    amount=earned,
                    source="farming",
                    idempotency_key=f"farming:{deposit.id}:{tick}",
                )
