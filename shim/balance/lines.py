"""A divergence as the log shows it: everything needed to understand it, nothing personal."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import CodeType

from shim.balance.doubles import PUBLISH
from shim.balance.records import states_of
from shim.balance.saying import decoded
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
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.result import Result
from shim.sides import Side

NameUser = Callable[[int], str | int]
"""What a user id is called in the log: a keyed hash, unless the operator asks otherwise."""

_LIVE_SIDES = frozenset({Side.CANONICAL, Side.CONNECTION_AWARE, Side.USER_ID_ONLY})


def divergence_record(
    episode: Episode, result: Result, name_user: NameUser, *, at: datetime, stage: str, number: int
) -> Divergence:
    """Return one divergence; `differences` and both observations are redacted."""
    first = episode.calls[0]
    route = first.decision if isinstance(first.decision, Route) else None
    return Divergence(
        at=at,
        stage=stage,
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
        differences=tuple(
            DifferenceRecord(
                difference.path,
                difference.kind,
                redacted(difference.expected, name_user, of=difference.path),
                redacted(difference.actual, name_user, of=difference.path),
            )
            for difference in result.differences
        ),
        observations=tuple(observation_records(episode, name_user)),
    )


def observation_records(episode: Episode, name_user: NameUser) -> list[ObservationRecord]:
    """Return what each side of an episode did, the one in charge first."""
    first = episode.calls[0]
    aliases = {id_: f"connection {number}" for number, id_ in enumerate(states_of(first), start=1)}
    observations = [
        episode.live(episode.serving, _LIVE_SIDES),
        *(episode.shadow(side.name) for side in episode.shadows),
    ]
    return [_observation(run, aliases, name_user) for run in observations]


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


def _observation(
    run: Observation, aliases: Mapping[str, str], name_user: NameUser
) -> ObservationRecord:
    return ObservationRecord(
        run.side,
        run.live,
        run.settled,
        tuple(_outcome(outcome) for outcome in run.calls),
        tuple(_effect(effect, aliases, name_user) for effect in run.effects),
    )


def _outcome(outcome: CallOutcome) -> OutcomeRecord:
    raised = outcome.raised
    return OutcomeRecord(
        None if outcome.value is None else repr(outcome.value)[:200],
        None if raised is None else f"{raised.kind}: {raised.message}",
        max(round(outcome.duration * 1000, 3), 0.0),
    )


def _effect(effect: Effect, aliases: Mapping[str, str], name_user: NameUser) -> EffectRecord:
    if effect.kind == PUBLISH:
        user = effect.payload
        named = name_user(user) if isinstance(user, int) else f"a {type(user).__name__}"
        return EffectRecord(effect.side, "bus", published=named)
    return EffectRecord(
        effect.side,
        aliases.get(effect.recipient, "stranger"),
        message=redacted(_message(effect.payload), name_user),
    )


def _message(payload: object) -> object:
    if isinstance(payload, str):
        return decoded(payload) or f"{len(payload)} characters that no page can read"
    return {
        name: getattr(payload, name)
        for name in ("user_id", "version", "since", "uni", "ton", "change_uni", "change_ton")
        if hasattr(payload, name)
    } | {"sources": list(getattr(payload, "sources", ()))}


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
