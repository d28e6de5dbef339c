"""The farming income under test: a facade over calculations, with its shadows' threads."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.core.farming_income import Farmed, accrued_income
from bench.kit.system import QUEUE_LIMIT, USERS
from flags.decision import FARMING_INCOME
from flags.latch import NEVER_ENGAGED
from flags.provider import StaticProvider
from shim.income.facade import IncomeFacade
from shim.income.world import IncomeWorld
from shim.legacy.tick_income import tick_income
from shim.shadow.counts import Counts
from shim.shadow.executor import ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue


class IncomeSystem:
    """Starts nothing before `start`; `flip` may be repeated."""

    def __init__(self) -> None:
        self._flags = StaticProvider()
        self._counts = Counts()
        self.facade = IncomeFacade(
            legacy=tick_income,
            canonical=accrued_income,
            flags=self._flags.state,
            latch=NEVER_ENGAGED,
            queue=EventQueue(QUEUE_LIMIT),
        )
        self._executor = ShadowExecutor(
            queue=self.facade.router.queue,
            counts=self._counts,
            new_experiment=self._experiment,
            alarm=lambda event, **fields: None,
            monotonic=time.monotonic,
            thread_time=time.thread_time,
        )
        self.start, self.stop = self._executor.start, self._executor.stop

    def flip(self, *, percent: int, shadow: int) -> None:
        """Flip to these percentages of the two flags, and route every user once."""
        self._flags.put({FARMING_INCOME.canonical: percent, FARMING_INCOME.shadow: shadow})
        self._flags.poll()
        router = self.facade.router
        router.apply(self._flags.state, NEVER_ENGAGED)
        for user_id in USERS:
            router.table.route(user_id)

    def settle(self) -> None:
        """Wait until nothing is queued. Raises TimeoutError if that takes over 30 seconds."""
        end = time.monotonic() + 30.0
        while len(self.facade.router.queue):
            if time.monotonic() > end:
                raise TimeoutError("the shadows of the income did not settle in 30 s")
            time.sleep(0.002)

    def _experiment(self) -> Experiment:
        return Experiment(
            world=IncomeWorld(legacy=tick_income, canonical=accrued_income),
            counts=self._counts,
            publish=lambda episode, result: None,
            timer=time.perf_counter,
        )


def deposits(count: int) -> Sequence[Farmed]:
    """Return what the scheduler hands over, one user after the other; every tick is on time."""
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    each = [
        Farmed(
            user_id=user_id,
            amount=Decimal(288),
            daily_rate=Decimal(1),
            since=at - timedelta(minutes=5),
            until=at,
        )
        for user_id in USERS
    ]
    return [each[number % len(each)] for number in range(count)]
