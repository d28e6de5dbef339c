"""The drop-in for the calculation of the farming income."""

from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from flags.decision import FARMING_INCOME
from flags.latch import Latch
from flags.state import FlagState
from shim.income.ports import Calculation, Farmed
from shim.routed import RoutedCalls
from shim.router import Router, as_user_id
from shim.shadow.queue import EventQueue

PATH = "farming_income"


@dataclass(frozen=True, slots=True)
class _Canonical:
    """The calculation that stays, under the name that it is called by."""

    income_of: Calculation


class IncomeFacade(RoutedCalls):
    """Answers with the serving side's amount, or raises its exception.

    The kill switch is the one that all migrations have: a rollback sends both to legacy.
    """

    path = PATH
    method = "income_of"

    def __init__(
        self,
        *,
        legacy: Calculation,
        canonical: Calculation,
        flags: FlagState,
        latch: Latch,
        queue: EventQueue,
    ) -> None:
        self.router = Router(FARMING_INCOME, flags=flags, latch=latch, queue=queue, paths=(PATH,))
        self.router.canonical = _Canonical(canonical)
        super().__init__(self.router)
        self._legacy = legacy

    def income_of(self, farmed: Farmed) -> Decimal:
        """Return what the deposit has earned, by the calculation that its user is at.

        What has no valid user is answered by the legacy at every stage: an amount, unlike a
        notification, cannot be dropped.
        """
        user_id = as_user_id(farmed.user_id)
        if user_id is None:
            self.router.report_invalid(PATH, farmed.user_id)
            return self._legacy(farmed)
        return cast(Decimal, self._route(user_id, farmed, self._legacy))
