"""What each migration tells the engine: how it is routed, compared, written down and kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.adapters.bookings import SqlBookings
from app.adapters.truth import SqlTruthReader
from app.core.farming_income import accrued_income
from app.database import Database
from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications, NewNotifications
from app.replayers import new_page, replayers
from shim.balance.harms import harms_of as balance_harms
from shim.balance.life.lives import DrawnLives
from shim.balance.life.stage import Stage
from shim.balance.lines import divergence_record as balance_record
from shim.balance.words import words_of as balance_words
from shim.balance.world import BalanceWorld
from shim.guard.harms import HarmsOf
from shim.guard.reason import WordsOf
from shim.income.harms import harms_of as income_harms
from shim.income.lines import divergence_record as income_record
from shim.income.words import words_of as income_words
from shim.income.world import IncomeWorld
from shim.legacy.tick_income import tick_income
from shim.lines import NewRecord
from shim.migration import Migration
from shim.ports import Bus, Clock, Serves, TruthReader
from shim.router import Router
from shim.shadow.counts import Counts
from shim.shadow.executor import Breath
from shim.shadow.replays import Write
from shim.shadow.world import World


@dataclass(frozen=True, slots=True)
class Binding:
    """One migration.

    `harms_of` tells which harms a divergence is, `words_of` what it means, `write` keeps one to be
    run again.
    """

    router: Router
    new_world: Callable[[Counts], World]
    new_record: NewRecord
    harms_of: HarmsOf
    words_of: WordsOf
    write: Write


def balance_binding(
    migration: Migration,
    database: Database,
    *,
    canonical: NewNotifications,
    noise_percent: int,
    cpu_share: float,
) -> Binding:
    """Bind the balance notifications to the engine, with a database they cannot write to.

    `cpu_share` is the part of a core that shadows may have.
    """
    truth, bookings = (each(database.read_only()) for each in (SqlTruthReader, SqlBookings))

    def new_canonical(
        clock: Clock, truth: TruthReader, bus: Bus, serves: Serves
    ) -> BalanceNotifications:
        """Build a shadow, whose pages are doubles."""
        return canonical(truth=truth, clock=clock, serves=serves, bus=bus)

    def new_stage() -> Stage:
        return Stage(
            new_canonical=new_canonical,
            new_hint=BalanceHint,
            new_page=new_page,
            unavailable=TruthUnavailable,
            breathe=Breath(cpu_share, monotonic=time.monotonic),
        )

    def new_world(counts: Counts) -> BalanceWorld:
        return BalanceWorld(
            migration=migration,
            truth=truth,
            bookings=bookings,
            new_canonical=new_canonical,
            new_hint=BalanceHint,
            unavailable=TruthUnavailable,
            lives=DrawnLives(new_stage),
            counts=counts,
            monotonic=time.monotonic,
            noise_percent=noise_percent,
        )

    return Binding(
        migration,
        new_world,
        balance_record,
        balance_harms,
        balance_words,
        replayers()[migration.pair.migration].write,
    )


def income_binding(router: Router) -> Binding:
    """Bind the farming income to the engine."""

    def new_world(_: Counts) -> IncomeWorld:
        return IncomeWorld(legacy=tick_income, canonical=accrued_income)

    return Binding(
        router,
        new_world,
        income_record,
        income_harms,
        income_words,
        replayers()[router.pair.migration].write,
    )
