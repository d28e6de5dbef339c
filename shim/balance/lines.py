"""A divergence of balance notifications as the log shows it: what each side sent, to whom."""

from collections.abc import Mapping
from datetime import datetime

from flags.decision import BALANCE_NOTIFICATIONS
from shim.balance.doubles import PUBLISH
from shim.balance.records import states_of
from shim.balance.rehearsal import GUESTS
from shim.balance.saying import decoded
from shim.lines import NameUser, observation_record, record_of, redacted
from shim.log_records import Divergence, EffectRecord, ObservationRecord
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.result import Result
from shim.sides import Side

_LIVE_SIDES = frozenset({Side.CANONICAL, Side.CONNECTION_AWARE, Side.USER_ID_ONLY})


def divergence_record(
    episode: Episode, result: Result, name_user: NameUser, *, at: datetime, number: int
) -> Divergence:
    """Return one divergence; `differences` and both observations are redacted."""
    return record_of(
        episode,
        result,
        name_user,
        migration=BALANCE_NOTIFICATIONS.migration,
        at=at,
        number=number,
        observations=tuple(observation_records(episode, name_user)),
    )


def observation_records(episode: Episode, name_user: NameUser) -> list[ObservationRecord]:
    """Return what each side of an episode did, the one in charge first."""
    states = states_of(episode.calls[0])
    aliases = {id_: f"connection {number}" for number, id_ in enumerate(states, start=1)}
    aliases |= {guest: guest for guest in GUESTS}
    runs = [
        episode.live(episode.serving, _LIVE_SIDES),
        *(episode.shadow(side.name) for side in episode.shadows),
    ]
    return [
        observation_record(run, (_effect(each, aliases, name_user) for each in run.effects))
        for run in runs
    ]


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
