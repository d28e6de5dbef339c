"""A case of the farming income: a deposit and a time for each call, which is all there is to it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from shim.replay.case import CallCase, Case, Id, Part
from shim.sides import Side


class DepositRecord(Part, frozen=True):
    """What a calculation was asked about: a `Farmed`, and as such it is asked about again."""

    user_id: Id
    amount: Decimal
    daily_rate: Decimal
    since: datetime
    until: datetime


class IncomeCall(CallCase, frozen=True):
    """One call."""

    deposit: DepositRecord


class IncomeCase(Case, frozen=True, kw_only=True):
    """One divergence with all its inputs."""

    migration: Literal["farming-income"] = "farming-income"
    serving: Side
    calls: Annotated[tuple[IncomeCall, ...], msgspec.Meta(min_length=1)]
