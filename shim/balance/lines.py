"""A divergence as the log shows it: everything needed to understand it, nothing personal."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import CodeType

from shim.balance.doubles import PUBLISH
from shim.balance.records import states_of
from shim.balance.saying import decoded
from shim.routing import Route
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.observation import CallOutcome, Observation
from shim.shadow.result import Result
from shim.sides import Side

NameUser = Callable[[int], object]
"""What a user id is called in the log: a keyed hash, unless the operator asks otherwise."""

_LIVE_SIDES = frozenset({Side.CANONICAL, Side.CONNECTION_AWARE, Side.USER_ID_ONLY})


def divergence_line(episode: Episode, result: Result, name_user: NameUser) -> dict[str, object]:
    """Return the fields of one divergence; `differences` and both observations are redacted."""
    first = episode.calls[0]
    aliases = {id_: f"connection {number}" for number, id_ in enumerate(states_of(first), start=1)}
    observations = [
        episode.live(episode.serving, _LIVE_SIDES),
        *(episode.shadow(side.name) for side in episode.shadows),
    ]
    return {
        "comparison": result.comparison,
        "outcome": result.outcome,
        "known": result.known,
        "fingerprint": result.fingerprint,
        "user": name_user(episode.subject),
        "serving": episode.serving,
        **_decision(first),
        "calls": [{"path": call.path, "caller": _caller(call)} for call in episode.calls],
        "seconds": round((episode.closed_at or first.started) - episode.opened_at, 4),
        "differences": [
            {
                "path": difference.path,
                "kind": difference.kind,
                "expected": _redact(difference.expected, name_user, of=difference.path),
                "actual": _redact(difference.actual, name_user, of=difference.path),
            }
            for difference in result.differences
        ],
        "observations": [_observation(run, aliases, name_user) for run in observations],
    }


def _decision(call: LiveCall) -> dict[str, object]:
    route = call.decision
    if not isinstance(route, Route):
        return {"decision": None}
    decision = route.decision
    return {
        "decision": {
            "value": decision.value,
            "reason": decision.reason,
            "source": decision.source,
            "bucket": decision.bucket,
            "flag_version": decision.flag_version,
            "stale": decision.stale,
        },
        "rolled_back": route.rolled_back,
        "epoch": route.epoch,
    }


def _caller(call: LiveCall) -> str:
    """Return module and function of the caller, without the folder it lies in."""
    code = call.caller
    if not isinstance(code, CodeType):
        return "unknown"
    module = code.co_filename.rpartition("/")[2].removesuffix(".py")
    return f"{module}.{code.co_qualname}"


def _observation(
    run: Observation, aliases: Mapping[str, str], name_user: NameUser
) -> dict[str, object]:
    return {
        "side": run.side,
        "live": run.live,
        "settled": run.settled,
        "calls": [_outcome(outcome) for outcome in run.calls],
        "effects": [_effect(effect, aliases, name_user) for effect in run.effects],
    }


def _outcome(outcome: CallOutcome) -> dict[str, object]:
    raised = outcome.raised
    return {
        "value": None if outcome.value is None else repr(outcome.value)[:200],
        "raised": None if raised is None else f"{raised.kind}: {raised.message}",
        "milliseconds": round(outcome.duration * 1000, 3),
    }


def _effect(effect: Effect, aliases: Mapping[str, str], name_user: NameUser) -> dict[str, object]:
    if effect.kind == PUBLISH:
        user = effect.payload
        named = name_user(user) if isinstance(user, int) else f"a {type(user).__name__}"
        return {"side": effect.side, "to": "bus", "published": named}
    return {
        "side": effect.side,
        "to": aliases.get(effect.recipient, "stranger"),
        "message": _redact(_message(effect.payload), name_user),
    }


def _message(payload: object) -> object:
    if isinstance(payload, str):
        return decoded(payload) or f"{len(payload)} characters that no page can read"
    return {
        name: getattr(payload, name)
        for name in ("user_id", "version", "since", "uni", "ton", "change_uni", "change_ton")
        if hasattr(payload, name)
    } | {"sources": list(getattr(payload, "sources", ()))}


def _redact(value: object, name_user: NameUser, *, of: object = "") -> object:
    """Replace user ids by what the log calls them, and amounts that JSON cannot say by text."""
    if isinstance(value, Mapping):
        return {key: _redact(item, name_user, of=key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(item, name_user) for item in value]
    if isinstance(value, int) and str(of).endswith(("user", "userId", "user_id")):
        return name_user(value)
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return value
