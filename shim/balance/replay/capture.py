"""Makes a case of an episode that was judged, while everything about it is still there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from shim.balance.life.lives import Lived
from shim.balance.looks import Seen, Trail
from shim.balance.records import AFTER, LIVED, TRAIL
from shim.balance.replay.case import (
    LONG_AGO,
    Amount,
    Argument,
    BalanceCall,
    BalanceCase,
    BookedRecord,
    CachedBalance,
    ConnectionRecord,
    FrameRecord,
    LookRecord,
    PlaceRecord,
    SentRecord,
    UpdateArgument,
    UserArgument,
)
from shim.book import ConnectionState, each_time
from shim.connections import Shown
from shim.legacy.ports import Balance
from shim.legacy.updates import BalanceUpdate
from shim.lines import caller_of
from shim.migration import CallContext
from shim.ports import Frame
from shim.replay.case import CaseError
from shim.replay.head import head_of, since
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall, LiveEffect
from shim.shadow.result import Result
from shim.sides import Path, Side

MISREAD = (
    "what the canonical's own reader made of the database: it answered otherwise than what was"
    " booked, and here it is told what was booked"
)


EARLIER = (
    "what the candidate kept of the lives before this one: here this one is played alone, with the"
    " pages that had stayed opened anew"
)


def case_of(episode: Episode, result: Result, at: datetime) -> BalanceCase:
    """Return a divergence with its inputs. Raises CaseError for what cannot be written down."""
    trail, after = episode.notes.get(TRAIL), episode.notes.get(AFTER)
    if not isinstance(trail, Trail) or not isinstance(after, tuple):
        raise CaseError("the episode was not judged: only one that was can be kept")
    if trail.cut:
        raise CaseError("the database was asked too often within the episode: it is kept in part")
    start = episode.calls[0].started
    booked = _transactions(trail.seen)
    right = [seen for seen in trail.canonicals if is_right(seen, booked)]
    misread = len(right) < len(trail.canonicals) or _is_in(result, "read.")
    lived = _life(episode, result)
    return BalanceCase(
        **head_of(episode, result, at),
        calls=tuple(_call(call, start) for call in episode.calls),
        sent=tuple(_sent(seen, start) for seen in episode.live_effects),
        looks=tuple(_looks([*trail.seen, *right], start)),
        transactions=_transactions([*right, *trail.seen]),
        places=tuple(PlaceRecord(*placed) for placed in trail.placed),
        connections_after=_connections(after),
        lacks=_lacks(lived, misread=misread),
        life=None if lived is None else lived.life,
    )


def _life(episode: Episode, result: Result) -> Lived | None:
    """Return the life that followed, if what differs was seen in it."""
    lived = episode.notes.get(LIVED)
    return lived if isinstance(lived, Lived) and _is_in(result, "life.") else None


def _lacks(lived: Lived | None, *, misread: bool) -> tuple[str, ...]:
    earlier = lived is not None and not lived.alone
    return (*((MISREAD,) if misread else ()), *((EARLIER,) if earlier else ()))


def is_right(seen: Seen, booked: Iterable[BookedRecord]) -> bool:
    """Tell whether the canonical's reader answered what was booked, as far as that was read."""
    truth = seen.truth
    if truth is None:
        return not booked
    read = {record.version: record for record in _transactions([seen])}
    for each in booked:
        if each.version == truth.version and _left(each) != (truth.uni, truth.ton):
            return False
        is_newer = seen.since is not None and seen.since < each.version <= truth.version
        if is_newer and read.get(each.version) != each:
            return False
    return True


def _left(booked: BookedRecord) -> tuple[Decimal, Decimal]:
    return booked.uni_after, booked.ton_after


def _is_in(result: Result, place: str) -> bool:
    return any(each.path.startswith(place) for each in result.differences)


def _call(call: LiveCall, start: float) -> BalanceCall:
    context = CallContext.of(call)
    argument = _argument(call.argument)
    return BalanceCall(
        started=since(start, call.started),
        path=Path(call.path),
        caller=caller_of(call),
        argument=argument,
        corrected=_corrected(call, argument),
        cached=_cached(context.cached),
        connections=_connections(context.connections),
    )


def _argument(value: object) -> Argument:
    if isinstance(value, BalanceUpdate):
        when = value.timestamp
        return UpdateArgument(
            value.user_id,
            _amount(value.balance_uni),
            _amount(value.balance_ton),
            _amount(value.change_amount),
            value.currency,
            value.source,
            when.isoformat() if isinstance(when, datetime) else when,
        )
    if isinstance(value, int | str):
        return UserArgument(value)
    raise CaseError(f"a call was handed a {type(value).__name__}: that cannot be written down")


def _corrected(call: LiveCall, argument: Argument) -> Argument:
    if call.path == Path.USER_ID_ONLY:
        return UserArgument(call.subject)
    if isinstance(call.argument, BalanceUpdate):
        return _argument(replace(call.argument, user_id=call.subject))
    return argument


def _amount(value: Decimal | float) -> Amount:
    return str(value) if isinstance(value, Decimal) else float(value)


def _cached(balance: Balance | None) -> CachedBalance | None:
    return None if balance is None else CachedBalance(_amount(balance.uni), _amount(balance.ton))


def _connections(states: Iterable[ConnectionState]) -> tuple[ConnectionRecord, ...]:
    return tuple(
        ConnectionRecord(
            state.id, Path(state.path), state.is_open, state.failed, state.base_version
        )
        for state in each_time(states)
    )


def _sent(seen: LiveEffect, start: float) -> SentRecord:
    shown = seen.context if isinstance(seen.context, Shown) else Shown(None, None)
    text = isinstance(seen.payload, str)
    return SentRecord(
        since(start, seen.at),
        Side(seen.side),
        seen.recipient,
        seen.payload if isinstance(seen.payload, str) else None,
        None if text else _frame(seen.payload),  # type: ignore[arg-type]
        shown.base_version,
        shown.overheard,
    )


def _frame(frame: Frame) -> FrameRecord:
    try:
        return FrameRecord(
            frame.user_id,
            frame.version,
            frame.since,
            frame.uni,
            frame.ton,
            frame.change_uni,
            frame.change_ton,
            tuple(frame.sources),
        )
    except AttributeError as error:
        raise CaseError(f"a frame of another shape cannot be written down: {error}") from error


def _looks(answers: Iterable[Seen], start: float) -> Iterable[LookRecord]:
    for seen in sorted(answers, key=lambda each: each.at):
        at, truth = since(start, seen.at), seen.truth
        if truth is None:
            yield LookRecord(at, seen.since, None)
        else:
            yield LookRecord(at, seen.since, truth.version, truth.uni, truth.ton)


def _transactions(answers: Iterable[Seen]) -> tuple[BookedRecord, ...]:
    """Return the transactions of these answers, each as the last one has it."""
    booked = {
        each.version: BookedRecord(
            each.version,
            str(each.currency),
            each.amount,
            each.source,
            each.uni_after,
            each.ton_after,
            getattr(each, "created_at", LONG_AGO),
        )
        for seen in answers
        if seen.truth is not None
        for each in seen.truth.transactions
    }
    return tuple(booked[version] for version in sorted(booked))
