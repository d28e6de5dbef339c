"""Ties replay to the farming income."""

from collections.abc import Collection, Iterable

import msgspec

from shim.income.judge import earned
from shim.income.lines import observation_records
from shim.income.ports import Calculation
from shim.income.replay.capture import case_of, case_of_line
from shim.income.replay.case import IncomeCase
from shim.income.replay.run import replay
from shim.replay.replayer import Rename, Replayer
from shim.shadow.result import Comparison
from shim.sides import Side


def income_replayer(*, legacy: Calculation, canonical: Calculation) -> Replayer[IncomeCase]:
    """Return what runs a case on these two calculations."""
    return Replayer(
        form=IncomeCase,
        case_of=case_of,
        case_of_line=case_of_line,
        run=lambda case: replay(case, legacy=legacy, canonical=canonical),
        without_names=_without_names,
        observations=observation_records,
        expects=_expects,
        held=_held,
    )


def _expects(comparison: Comparison) -> Collection[Side]:
    return () if comparison is Comparison.TRUTH else (Side.LEGACY, Side.LEGACY_SHADOW)


def _held(case: IncomeCase) -> Iterable[str]:
    """Yield each deposit, and what it had earned."""
    for call in case.calls:
        of = call.deposit
        yield f"{of.amount} UNI at {of.daily_rate} a day, {of.until - of.since}: {earned(of)} UNI"


def _without_names(case: IncomeCase, name: Rename) -> IncomeCase:
    calls = (
        msgspec.structs.replace(
            call,
            deposit=msgspec.structs.replace(call.deposit, user_id=name(call.deposit.user_id)),
        )
        for call in case.calls
    )
    return msgspec.structs.replace(case, calls=tuple(calls))
