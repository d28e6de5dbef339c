"""A case of balance notifications from a line of the shadow log, and what such a case lacks.

A line has no user id, no times of its calls, no arguments, no cache and no database. What each
side said is there, and what they said gives the balances: that is enough for most faults of
wrong figures, lost or doubled messages, and errors, and for none that is a matter of time.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from shim.balance.replay.case import (
    BalanceCall,
    BalanceCase,
    BookedRecord,
    CachedBalance,
    ConnectionRecord,
    LookRecord,
    UpdateArgument,
    UserArgument,
)
from shim.exact import amount
from shim.log_records import Divergence, ObservationRecord
from shim.replay.case import STAND_IN, CaseError
from shim.replay.head import head_of_line
from shim.sides import Path, Side

LACKS = (
    "the user's id: a stand-in takes its place",
    "the times of the calls: they are a millisecond apart",
    "the callers' arguments and the balance manager's cache: they are made of what legacy said",
    "the state of the connections: one that nothing was sent on is taken to be closed",
    "the database: its balances and transactions are made of what canonical said",
)
BESIDES = {
    "life": "the life that followed: the case of the same divergence has it",
    "read": "what the canonical's own reader answered",
}
APART = 0.001
"""Seconds between two calls."""
MOST_CONNECTIONS = 1000
_NOTHING = (Decimal(0), Decimal(0))
_NUMBERED = re.compile(r"connection (\d+)")


class _Said(msgspec.Struct, frozen=True):
    """What the sides' messages come to, in the order of the wire: UNI, TON."""

    balance: tuple[Decimal, Decimal]
    changes: tuple[Decimal, Decimal]
    sources: tuple[str, ...]
    version: int
    since: int


_NOBODY = _Said(_NOTHING, _NOTHING, (), 1, 0)


def case_of_line(line: Divergence) -> BalanceCase:
    """Return the case that a line tells of. Raises CaseError if it tells too little."""
    head = head_of_line(line)
    try:
        legacy = _legacy(line)
        said = _canonical(line) or legacy or _NOBODY
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise CaseError(f"what the line's sides said cannot be read: {error!r}") from error
    connections = _connections(line, said)
    calls = tuple(
        _call(number, Path(call.path), call.caller, legacy or said, connections)
        for number, call in enumerate(line.calls)
    )
    return BalanceCase(
        **head,
        calls=calls,
        sent=(),
        looks=(LookRecord(0.0, said.since, said.version, *said.balance),),
        transactions=_transactions(said),
        places=(),
        connections_after=connections,
        lacks=(*LACKS, *_lacks_besides(line)),
    )


def _lacks_besides(line: Divergence) -> Iterable[str]:
    """Yield what nothing of a line can be made of, where it is what differed."""
    places = {difference.path.partition(".")[0] for difference in line.differences}
    return (what for place, what in BESIDES.items() if place in places)


def _call(
    number: int, path: Path, caller: str, said: _Said, connections: tuple[ConnectionRecord, ...]
) -> BalanceCall:
    """Make a call: the first one of the connection-aware path brings all that legacy said."""
    uni, ton = map(str, said.balance)
    argument: UpdateArgument | UserArgument = UserArgument(STAND_IN)
    if path is Path.CONNECTION_AWARE:
        currency = 1 if said.changes[1] else 0
        argument = UpdateArgument(
            STAND_IN,
            uni,
            ton,
            str(said.changes[currency] if number == 0 else Decimal(0)),
            ("UNI", "TON")[currency],
            _source(said.sources, number),
            "2000-01-01T00:00:00+00:00",
        )
    cache = CachedBalance(uni, ton)
    return BalanceCall(
        started=number * APART,
        path=path,
        caller=caller,
        argument=argument,
        corrected=argument,
        cached=cache,
        connections=connections,
    )


def _canonical(line: Divergence) -> _Said | None:
    """Return what the canonical said, or should have said where it said nothing."""
    frames = list(_messages(line.observations, canonical=True)) or list(_expected_frames(line))
    if not frames:
        return None
    last, since = frames[-1], frames[0].get("since")
    version = int(last["version"] or 1)
    return _Said(
        (amount(last["uni"]), amount(last["ton"])),
        (amount(last["change_uni"]), amount(last["change_ton"])),
        tuple(last["sources"]),
        version,
        max(version - 1 if since is None else int(since), 0),
    )


def _legacy(line: Divergence) -> _Said | None:
    """Return what the legacy said last, on its own or as the counterfactual."""
    texts = list(_messages(line.observations, canonical=False))
    return _of_text(texts[-1]) if texts else None


def _messages(
    observations: Iterable[ObservationRecord], *, canonical: bool
) -> Iterable[dict[str, Any]]:
    for run in observations:
        for effect in run.effects:
            message = effect.message
            if isinstance(message, dict) and ("version" in message) is canonical:
                yield message


def _expected_frames(line: Divergence) -> Iterable[dict[str, Any]]:
    """Yield the frames that the canonical should have sent, from a difference of truth."""
    for difference in line.differences:
        wanted = difference.expected
        for frame in wanted if isinstance(wanted, list) else [wanted]:
            if isinstance(frame, dict) and {"version", "uni", "change_uni"} <= frame.keys():
                yield frame


def _of_text(message: dict[str, Any]) -> _Said:
    if "data" in message:
        data = message["data"]
        balance = (amount(data["balance_uni"]), amount(data["balance_ton"]))
        return _Said(balance, _NOTHING, (), 1, 0)
    data = message["balanceData"]
    return _Said(
        (amount(data["balanceUni"]), amount(data["balanceTon"])),
        (amount(data["changes"]["uni"]), amount(data["changes"]["ton"])),
        tuple(data["sources"]),
        1,
        0,
    )


def _connections(line: Divergence, said: _Said) -> tuple[ConnectionRecord, ...]:
    """Return the connections by their numbers; those that nothing was sent on are closed."""
    named = {effect.to for run in line.observations for effect in run.effects}
    heard = {int(match[1]) for name in named if (match := _NUMBERED.fullmatch(name))} or {1}
    if max(heard) > MOST_CONNECTIONS:
        raise CaseError(f"the line speaks of connection {max(heard)}: no user has so many")
    base = said.since if line.serving == Side.CANONICAL else None
    return tuple(
        ConnectionRecord(
            f"connection {number}", Path.CONNECTION_AWARE, number in heard, False, base
        )
        for number in range(1, max(heard) + 1)
    )


def _transactions(said: _Said) -> tuple[BookedRecord, ...]:
    """Return as many transactions as there are versions, which add up to what was said."""
    count = said.version - said.since
    rest = dict(zip(("UNI", "TON"), said.changes, strict=True))
    currencies = [name for name, change in rest.items() if change] or ["UNI"]
    steps = list(itertools.islice(itertools.cycle(currencies), max(count, 0)))
    uni, ton = (said.balance[0] - said.changes[0], said.balance[1] - said.changes[1])
    booked = []
    for number, currency in enumerate(steps):
        change = rest[currency] if currency not in steps[number + 1 :] else Decimal(0)
        uni, ton = (uni + change, ton) if currency == "UNI" else (uni, ton + change)
        source = _source(said.sources, number)
        version = said.since + number + 1
        booked.append(BookedRecord(version, currency, change, source, uni, ton))
    return tuple(booked)


def _source(sources: Sequence[str], number: int) -> str:
    return sources[min(number, len(sources) - 1)] if sources else "unknown"
