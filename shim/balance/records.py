"""What the pages showed, and which transactions that makes worth reading."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shim.balance.reader_probe import Probed
from shim.balance.rehearsal import HEARD, Guest
from shim.balance.saying import Said, read_legacy
from shim.balance.truth import Balances, Record
from shim.balance.waits import Spoken
from shim.book import ConnectionState
from shim.connections import Shown
from shim.exact import amount
from shim.migration import CallContext
from shim.ports import Truth
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.sides import Side

SEEN = "seen"
"""Noted on an episode: the version that the database held after its last call."""
LATE = "late"
"""Noted on an episode: whether the live canonical may have read before `SEEN` was looked at."""
FIRST = "first"
"""Noted on an episode: the version that the database held after its first call."""
BASE = "base"
"""Noted on an episode: the version that the pages of a shadow are taken to show."""
FAILURES = "failures"
"""Noted on an episode: how many reads had failed before it."""

GUEST = "guest"
"""Noted on an episode: which page joined for a rehearsal."""
TRAIL = "trail"
"""Noted on an episode: all that the database was asked of its user."""
HELD_UP = "held up"
"""Noted on an episode: a read had failed before a call, and the shadow had yet to read again."""
SPOKEN = "spoken"
"""Noted on an episode: when the canonical's shadow was told of each version; see `Spoken`."""
READ = "read"
"""Noted on an episode: what the canonical's reader answered when it was probed; see `Probed`."""
LIVED = "lived"
"""Noted on an episode: the life that followed it; see `Lived`."""
AFTER = "after"
"""Noted on an episode: the user's connections when it was closed."""


def states_of(call: LiveCall) -> dict[str, ConnectionState]:
    """Return the connections of a call's snapshot by id."""
    return {state.id: state for state in CallContext.of(call).connections}


def aliases_of(states: Mapping[str, ConnectionState]) -> dict[str, str]:
    """Return what open connections are called in comparisons, by id."""
    still_open = (state.id for state in states.values() if state.is_open)
    return {id_: f"connection {number}" for number, id_ in enumerate(still_open, start=1)}


def noted(episode: Episode, name: str) -> int:
    """Return a version that was noted on the episode."""
    noted = episode.notes[name]
    if not isinstance(noted, int):
        raise TypeError(f"the episode's {name} version is {noted!r}, not a number")
    return noted


def guest_of(episode: Episode) -> Guest | None:
    """Return the page that joined for a rehearsal."""
    guest = episode.notes[GUEST]
    return guest if isinstance(guest, Guest) else None


def note_spoken(episode: Episode, spoken: Spoken) -> None:
    """Note that the canonical's shadow is told of a version, unless it knows of it."""
    known = episode.notes.setdefault(SPOKEN, [])
    if isinstance(known, list) and (not known or known[-1].version < spoken.version):
        known.append(spoken)


def spoken_of(episode: Episode) -> Sequence[Spoken]:
    """Return when the canonical's shadow was told of each version."""
    spoken = episode.notes.get(SPOKEN, ())
    return spoken if isinstance(spoken, list) else ()


def read_of(episode: Episode) -> Probed | None:
    """Return what the canonical's reader answered, if it was probed."""
    read = episode.notes.get(READ)
    return read if isinstance(read, Probed) else None


def oldest_needed(episode: Episode) -> int:
    """Return the version after which transactions are needed to judge the episode."""
    behind = guest_of(episode) is Guest.BEHIND
    versions = [noted(episode, SEEN) - 1, noted(episode, BASE) - behind]
    if episode.serving == Side.CANONICAL:
        shown = [state.base_version for state in states_of(episode.calls[0]).values()]
        said = [getattr(seen.payload, "version", None) for seen in episode.live_effects]
        versions += [version for version in shown if version is not None]
        versions += [version - 1 for version in said if isinstance(version, int)]
    return max(min(versions), 0)


def newest_said(episode: Episode) -> int:
    """Return the newest version that the canonical spoke of, or that was there to speak of."""
    payloads = [seen.payload for seen in episode.live_effects]
    for effects in episode.shadow_effects.values():
        payloads += [effect.payload for effect in effects]
    said = [getattr(payload, "version", None) for payload in payloads]
    return max([noted(episode, SEEN), *(version for version in said if isinstance(version, int))])


def may_be_newer(episode: Episode) -> bool:
    """Tell whether what the database held may be newer than what the live canonical read of it.

    Another process may have booked in between, of which nobody has told here. Who has shown that
    version all the same has read it.
    """
    if episode.serving != Side.CANONICAL or not episode.notes[LATE]:
        return False
    shown = [state.base_version for state in states_of(episode.calls[0]).values()]
    said = [getattr(seen.payload, "version", None) for seen in episode.live_effects]
    versions = [version for version in (*shown, *said) if isinstance(version, int)]
    return bool(versions) and max(versions) < noted(episode, SEEN)


def records(
    episode: Episode, states: Mapping[str, ConnectionState], truth: Truth, *, live: bool
) -> dict[str, Record]:
    """Return what each connection's page showed, by what was noted when it was shown."""
    if not live:
        own = {id_: Record(noted(episode, BASE)) for id_ in states}
        return own | _record_of_guest(episode)
    before: dict[str, dict[int, int | None]] = {id_: {} for id_ in states}
    misled: dict[int, Balances] = {}
    for seen in episode.live_effects:
        if isinstance(seen.context, Shown) and seen.side == Side.CANONICAL:
            said = _said_by_legacy(seen.context)
            before.setdefault(seen.recipient, {})[id(seen.payload)] = _version_shown(
                seen.context, said, truth
            )
            if said is not None and not said.is_of(*_balance_of(seen.payload)):
                misled[id(seen.payload)] = said.uni, said.ton
    return {id_: Record(state.base_version, before[id_], misled) for id_, state in states.items()}


def _record_of_guest(episode: Episode) -> dict[str, Record]:
    match guest_of(episode):
        case Guest.BEHIND:
            return {Guest.BEHIND: Record(noted(episode, BASE) - 1)}
        case Guest.OVERHEARD:
            return {Guest.OVERHEARD: Record(noted(episode, BASE))}
        case Guest.MISLED:
            return {Guest.MISLED: Record(noted(episode, FIRST), owed=(HEARD, HEARD))}
        case Guest.NEWCOMER:
            return {Guest.NEWCOMER: Record(None, joined=noted(episode, BASE))}
        case _:
            return {}


def _said_by_legacy(shown: Shown) -> Said | None:
    if shown.overheard is None:
        return None
    return read_legacy(Effect("send", Side.LEGACY, "", shown.overheard, 0.0))


def _balance_of(frame: object) -> tuple[Decimal, Decimal]:
    return amount(getattr(frame, "uni", "NaN")), amount(getattr(frame, "ton", "NaN"))


def _version_shown(shown: Shown, said: Said | None, truth: Truth) -> int | None:
    """Return the version on the page: the canonical's last, or the legacy frame's after it."""
    placed = [
        booked.version
        for booked in truth.transactions
        if said is not None and said.is_of(booked.uni_after, booked.ton_after)
    ]
    return max([*placed, shown.base_version or 0]) if placed else shown.base_version
