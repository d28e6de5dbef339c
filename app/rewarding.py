"""Builds what books rewards: the balance manager, the batches, and the schedulers."""

import time
from dataclasses import dataclass

from app.adapters.lease import FileLease
from app.adapters.lease_sql import SqlLease
from app.adapters.shared_sql import SharedSql
from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.core.farming_scheduler import FarmingScheduler, IncomeOf
from app.core.schedulers import Schedulers
from app.core.ton_boost_scheduler import TonBoostScheduler
from app.database import Database
from app.leadership import Leadership, Lease
from app.runtime import Service
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Rewarding:
    """What books, by hand and by the clock; `services` in the order of their start."""

    manager: BalanceManager
    processor: BatchBalanceProcessor
    farming: FarmingScheduler
    boosts: TonBoostScheduler
    services: tuple[tuple[str, Service], ...]


def build_rewarding(settings: Settings, database: Database, *, income: IncomeOf) -> Rewarding:
    """Build all of it; nothing is started. `income` is what a farming deposit has earned."""
    processor = BatchBalanceProcessor(database)
    farming = FarmingScheduler(
        database, processor, interval_s=settings.farming_interval_s, income=income
    )
    boosts = TonBoostScheduler(database, interval_s=settings.boost_interval_s)
    schedulers = Schedulers(
        farming,
        boosts,
        farming_interval_s=settings.farming_interval_s,
        boost_interval_s=settings.boost_interval_s,
    )
    leadership = ("schedulers", Leadership(_lease(settings), schedulers, name="schedulers"))
    return Rewarding(
        manager=BalanceManager(database, monotonic=time.monotonic),
        processor=processor,
        farming=farming,
        boosts=boosts,
        services=(leadership,) if settings.schedulers else (),
    )


def _lease(settings: Settings) -> Lease:
    """Return what one worker holds of all that pay from the same database."""
    if not settings.shared_database:
        return FileLease(settings.scheduler_lock)
    sql = SharedSql(settings.database_url, instance_path=settings.instance_path)
    return SqlLease(sql, name="schedulers", host=settings.host_name)
