"""A divergence as the log shows it: everything needed to understand it, nothing personal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from itertools import islice
from math import isfinite
from types import CodeType
from typing import Protocol

from shim.log_records import (
    CallRecord,
    DecisionRecord,
    DifferenceRecord,
    Divergence,
    EffectRecord,
    ObservationRecord,
    OutcomeRecord,
)
from shim.routing import Route
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.period import period_of
from shim.shadow.result import Result
from shim.shadow.words import encodable, in_words, is_huge

LONGEST_TEXT, MOST_MEMBERS, DEEPEST = 10_000, 1_000, 20
"""Characters of a text, members of a list or mapping, and levels of them that a line shows."""

NameUser = Callable[[int], str | int]
"""What a user id is called in the log: a keyed hash, unless the operator asks otherwise."""


class NewRecord(Protocol):
    """Writes a divergence down, in the words of one binding."""

    def __call__(
        self,
        episode: Episode,
        result: Result,
        name_user: NameUser,
        *,
        at: datetime,
        number: int,
    ) -> Divergence:
        """Return the record; `number` is how many of its kind this process had."""


def record_of(
    episode: Episode,
    result: Result,
    name_user: NameUser,
    *,
    migration: str,
    at: datetime,
    number: int,
    observations: tuple[ObservationRecord, ...],
) -> Divergence:
    """Return one divergence; `differences` are redacted here, `observations` by the binding."""
    first = episode.calls[0]
    route = first.decision if isinstance(first.decision, Route) else None
    return Divergence(
        migration=migration,
        at=at,
        stage=period_of(first.decision).stage,
        comparison=result.comparison,
        outcome=result.outcome,
        known=result.known,
        fingerprint=result.fingerprint or "",
        number=number,
        user=name_user(episode.subject),
        serving=episode.serving,
        decision=None if route is None else _decision(route),
        rolled_back=None if route is None else route.rolled_back,
        epoch=None if route is None else route.epoch,
        calls=tuple(CallRecord(call.path, caller_of(call)) for call in episode.calls),
        seconds=max(round((episode.closed_at or first.started) - episode.opened_at, 4), 0.0),
        differences=difference_records(result.differences, name_user),
        observations=observations,
    )


def observation_record(run: Observation, effects: Iterable[EffectRecord] = ()) -> ObservationRecord:
    """Return one side's run; `effects` are its own, redacted by the binding."""
    return ObservationRecord(
        run.side,
        run.live,
        run.settled,
        tuple(_outcome(outcome) for outcome in run.calls),
        tuple(effects),
    )


def difference_records(
    found: Iterable[Difference | DifferenceRecord], name_user: NameUser
) -> tuple[DifferenceRecord, ...]:
    """Return differences with user ids replaced by what `name_user` calls them.

    Of very many, the first are shown, and the first of each place and kind.
    """
    return tuple(
        DifferenceRecord(
            each.path,
            each.kind,
            redacted(each.expected, name_user, of=each.path),
            redacted(each.actual, name_user, of=each.path),
        )
        for each in _first_of(found)
    )


def _first_of(
    found: Iterable[Difference | DifferenceRecord],
) -> Iterator[Difference | DifferenceRecord]:
    seen: set[tuple[str, DifferenceKind]] = set()
    for number, each in enumerate(found):
        place = (each.path, each.kind)
        if number < MOST_MEMBERS or place not in seen:
            yield each
        seen.add(place)


def redacted(value: object, name_user: NameUser, *, of: object = "", depth: int = 0) -> object:
    """Replace user ids by what the log calls them, and whatever JSON cannot say by words.

    What is longer or deeper than a log can use is cut. Never raises, whatever the value is.
    """
    if isinstance(value, int) and not is_huge(value):
        named = str(of).endswith(("user", "userId", "user_id"))
        return name_user(value) if named else value if type(value) is bool else int.__int__(value)
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return encodable(str.__str__(value)[:LONGEST_TEXT])
    if isinstance(value, float | Decimal):
        return value if _is_json(value) else str(value)
    if depth < DEEPEST and isinstance(value, Mapping | list | tuple):
        with suppress(Exception):  # a mapping may be of any making
            return _members(value, name_user, depth + 1)
    return in_words(value)


def _is_json(value: float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else isfinite(value)


def _members(
    value: Mapping[object, object] | Sequence[object], name_user: NameUser, depth: int
) -> object:
    if isinstance(value, Mapping):
        return {
            _name(key): redacted(item, name_user, of=_name(key), depth=depth)
            for key, item in islice(value.items(), MOST_MEMBERS)
        }
    shown = [redacted(item, name_user, depth=depth) for item in value[:MOST_MEMBERS]]
    more = len(value) - len(shown)
    return [*shown, f"and {more} more"] if more else shown


def _name(key: object) -> str:
    return encodable(str.__str__(key)[:LONGEST_TEXT]) if isinstance(key, str) else in_words(key)


def _decision(route: Route) -> DecisionRecord:
    decision = route.decision
    return DecisionRecord(
        decision.value,
        decision.reason,
        decision.source,
        decision.bucket,
        decision.flag_version,
        decision.stale,
        decision.seen.age_s,
    )


def caller_of(call: LiveCall) -> str:
    """Return module and function of the caller, without the folder it lies in."""
    code = call.caller
    if not isinstance(code, CodeType):
        return "unknown"
    module = code.co_filename.rpartition("/")[2].removesuffix(".py")
    return f"{module}.{code.co_qualname}"


def _outcome(outcome: CallOutcome) -> OutcomeRecord:
    raised = outcome.raised
    return OutcomeRecord(
        None if outcome.value is None else in_words(outcome.value),
        None if raised is None else f"{raised.kind}: {raised.message}",
        max(round(outcome.duration * 1000, 3), 0.0),
    )
