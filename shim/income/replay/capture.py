"""Makes a case of an episode of the farming income, or of a line of the shadow log.

A line has what both sides returned and nothing of the deposit. Legacy's amount gives what a
deposit earns in a tick, the canonical's how long it was: that is enough for all but a fault that
depends on the figures themselves.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException, localcontext

from shim.income.judge import MILLIONTH
from shim.income.replay.case import DepositRecord, IncomeCall, IncomeCase
from shim.legacy.tick_income import TICKS_A_DAY
from shim.lines import caller_of
from shim.log_records import Divergence, ObservationRecord
from shim.replay.case import STAND_IN, CaseError
from shim.replay.head import head_of, head_of_line, since
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.result import Comparison, Result
from shim.sides import Side

LACKS = (
    "the user's id: a stand-in takes its place",
    "the times of the calls: they are at one moment",
    "the deposits, and the times to pay for: they are made of what both sides returned",
)
_LEGACY = (Side.LEGACY, Side.LEGACY_SHADOW)
_CANONICAL = (Side.CANONICAL, Side.CANONICAL_SHADOW)
_AMOUNT = re.compile(r"Decimal\('(-?[0-9.E+-]{1,60})'\)")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=36_500)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def case_of(episode: Episode, result: Result, at: datetime) -> IncomeCase:
    """Return a divergence with its inputs. Raises CaseError for what cannot be written down."""
    start = episode.calls[0].started
    return IncomeCase(
        **head_of(episode, result, at), calls=tuple(_call(call, start) for call in episode.calls)
    )


def case_of_line(line: Divergence) -> IncomeCase:
    """Return the case that a line tells of. Raises CaseError if it tells too little."""
    head = head_of_line(line)
    legacy, canonical = _returned(line, _LEGACY), _returned(line, _CANONICAL)
    if line.comparison is Comparison.TRUTH:
        canonical = [_expected(line)] * len(canonical)
    calls = tuple(
        IncomeCall(
            started=0.0,
            path=call.path,
            caller=call.caller,
            deposit=_deposit(by_legacy, by_canonical),
        )
        for call, by_legacy, by_canonical in zip(line.calls, legacy, canonical, strict=False)
    )
    if not calls:
        raise CaseError("what the line's sides returned is not in it: name a whole line")
    return IncomeCase(**head, calls=calls, lacks=LACKS)


def _call(call: LiveCall, start: float) -> IncomeCall:
    given = call.argument
    try:
        deposit = DepositRecord(
            **{name: getattr(given, name) for name in DepositRecord.__struct_fields__}
        )
    except AttributeError as error:
        raise CaseError(
            f"a call was handed a {type(given).__name__}: that cannot be written down ({error})"
        ) from error
    return IncomeCall(
        started=since(start, call.started),
        path=call.path,
        caller=caller_of(call),
        deposit=deposit,
    )


def _returned(line: Divergence, sides: tuple[Side, ...]) -> list[Decimal | None]:
    """Return the amount of each call by one of these sides; None where it returned none."""
    runs: list[ObservationRecord] = [run for run in line.observations if run.side in sides]
    return [_amount(call.value) for run in runs[:1] for call in run.calls]


def _amount(value: str | None) -> Decimal | None:
    match = _AMOUNT.fullmatch(value or "")
    try:
        return None if match is None else Decimal(match[1])
    except DecimalException:
        return None


def _expected(line: Divergence) -> Decimal | None:
    """Return what the deposit had earned, which a difference of the truth says."""
    for each in line.differences:
        if each.path == "income" and isinstance(each.expected, int | Decimal):
            return Decimal(each.expected)
    return None


def _deposit(legacy: Decimal | None, canonical: Decimal | None) -> DepositRecord:
    """Return one that earns these: at a rate of a whole a day, so much, for so long."""
    by_tick = legacy if legacy is not None else canonical
    a_day, elapsed = Decimal(TICKS_A_DAY), _DAY / TICKS_A_DAY
    with localcontext(_EXACT):
        if by_tick is not None and by_tick >= 0:
            # Half a millionth more: legacy cuts it off, and a canonical that rounds sees it.
            a_day = (by_tick + MILLIONTH / 2) * TICKS_A_DAY
        if canonical is not None:
            days = min(max(canonical / a_day, Decimal(0)), Decimal(_LONGEST.days))
            elapsed = timedelta(microseconds=round(days * (_DAY // timedelta(microseconds=1))))
    return DepositRecord(STAND_IN, a_day, Decimal(1), _LONG_AGO, _LONG_AGO + elapsed)
