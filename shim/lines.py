"""A divergence as the log shows it: everything needed to understand it, nothing personal."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
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
from shim.shadow.differences import Difference
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.period import period_of
from shim.shadow.result import Result

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
    """Return differences with user ids replaced by what `name_user` calls them."""
    return tuple(
        DifferenceRecord(
            each.path,
            each.kind,
            redacted(each.expected, name_user, of=each.path),
            redacted(each.actual, name_user, of=each.path),
        )
        for each in found
    )


def redacted(value: object, name_user: NameUser, *, of: object = "") -> object:
    """Replace user ids by what the log calls them, and amounts that JSON cannot say by text."""
    if isinstance(value, Mapping):
        return {key: redacted(item, name_user, of=key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, name_user) for item in value]
    if isinstance(value, int) and str(of).endswith(("user", "userId", "user_id")):
        return name_user(value)
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return value


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
        None if outcome.value is None else repr(outcome.value)[:200],
        None if raised is None else f"{raised.kind}: {raised.message}",
        max(round(outcome.duration * 1000, 3), 0.0),
    )
