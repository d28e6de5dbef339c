"""Builds what books rewards: the balance manager, the batches, and the schedulers."""

import time
from dataclasses import dataclass

from app.core.balance_manager import BalanceManager
from app.core.batch_balance_processor import BatchBalanceProcessor
from app.core.farming_scheduler import FarmingScheduler, IncomeOf
from app.core.schedulers import Schedulers
from app.core.ton_boost_scheduler import TonBoostScheduler
from app.database import Database
from app.leadership import Leadership
from app.runtime import Service
from app.settings import Settings
from app.sharing import build_lease


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
    manager = BalanceManager(database, monotonic=time.monotonic)
    processor = BatchBalanceProcessor(database, forget=manager.forget)
    farming = FarmingScheduler(
        database, processor, interval_s=settings.farming_interval_s, income=income
    )
    boosts = TonBoostScheduler(database, manager, interval_s=settings.boost_interval_s)
    schedulers = Schedulers(
        farming,
        boosts,
        farming_interval_s=settings.farming_interval_s,
        boost_interval_s=settings.boost_interval_s,
    )
    lease = build_lease(settings, name="schedulers", lock=settings.scheduler_lock)
    leadership = ("schedulers", Leadership(lease, schedulers, name="schedulers"))
    return Rewarding(
        manager=manager,
        processor=processor,
        farming=farming,
        boosts=boosts,
        services=(leadership,) if settings.schedulers else (),
    )
