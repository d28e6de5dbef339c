"""The system's own caller that calls most: the batch processor, with each of its calls timed."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from app.core.batch_balance_processor import BatchBalanceProcessor
from app.credits import Credit
from app.money import Currency
from bench.kit.system import System
from bench.kit.timing import Call, Variant
from shim.facade import UserIdOnlyFacade


class _Timed(UserIdOnlyFacade):
    """The drop-in that the processor finds, with a look at the clock around each call."""

    taken: list[int]
    call: Call

    def notify_balance_update(self, user_id: int) -> object:
        """Make the call that is timed; how long it took is noted."""
        begun = time.perf_counter_ns()
        value = self.call(user_id)
        self.taken.append(time.perf_counter_ns() - begun)
        return value


class Payroll:
    """Pays users at once, as the farming scheduler does: booked together, then told one by one."""

    def __init__(self, system: System, service: _Timed) -> None:
        self._service = service
        self._processor = BatchBalanceProcessor(system.database)
        self._keys = itertools.count()

    def timing(
        self, variant: Variant, arguments: Sequence[Any], *, size: int, per_second: int
    ) -> list[int]:
        """Pay `size` users and wait, so many a second in all; return what each call took."""
        self._service.call = variant.call
        taken = self._service.taken = []
        for start in range(0, len(arguments), size):
            begun = time.perf_counter()
            self._processor.process(
                [self._income(user) for user in arguments[start : start + size]]
            )
            time.sleep(max(begun + size / per_second - time.perf_counter(), 0.0))
        return taken

    def _income(self, user_id: int) -> Credit:
        return Credit(
            user_id=user_id,
            currency=Currency.UNI,
            amount=Decimal("0.5"),
            source="UNI_farming_income",
            idempotency_key=f"bench-{next(self._keys)}",
        )


@contextmanager
def payroll(system: System) -> Iterator[Payroll]:
    """Stand in for the process's drop-in meanwhile."""
    legacy = system.migration.user_id_only
    service = _Timed(system.migration, legacy, legacy.add_connection)
    before, UserIdOnlyFacade._instance = UserIdOnlyFacade._instance, service
    try:
        yield Payroll(system, service)
    finally:
        UserIdOnlyFacade._instance = before
