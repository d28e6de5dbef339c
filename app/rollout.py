"""What an operator does to the rollout: change it, record it, wait until workers follow."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.parts import Parts
from app.rollout_waiting import wait_for_flags, wait_for_latch
from app.rollout_words import (
    definition_json,
    definition_words,
    latch_json,
    latch_words,
    placement_notes,
    placements_json,
    worker_words,
)
from flags.admin import FlagAdmin, FlagAdminError, FlagChange, FlagOutcomeUnknownError
from flags.confirmation import Confirmation
from flags.decision import BALANCE_NOTIFICATIONS, MIGRATIONS, FlagContext
from flags.history import HistoryEntry
from flags.latch import Latch
from flags.stage import Stage, is_verified, stage_of


class RolloutError(Exception):
    """A command could not do what it was asked to: the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants something, and why."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, who confirmed it, and what else has to be said."""

    summary: str
    confirmation: Confirmation
    details: dict[str, Any]
    notes: tuple[str, ...] = field(default=())


def set_flag(
    parts: Parts, order: Order, what: str, act: Callable[[FlagAdmin], FlagChange]
) -> Outcome:
    """Change one flag and wait until every live worker follows. Raises `FlagAdminError`."""
    change, notes = _turned(parts, order, what, act)
    before, after = definition_words(change.before), definition_words(change.after)
    confirmation = wait_for_flags(parts, change)
    return Outcome(
        f"{change.after.name}: {before} -> {after} (revision {change.revision})",
        confirmation,
        {"flag": change.after.name, **_change_json(change)},
        (*notes, *_notes_on(parts, change), *_standing_notes(parts), *_waiting_notes(parts)),
    )


def _turned(
    parts: Parts, order: Order, what: str, act: Callable[[FlagAdmin], FlagChange]
) -> tuple[FlagChange, tuple[str, ...]]:
    """Change one flag and record it; return what has to be said besides.

    Raises `FlagAdminError`.
    """
    try:
        change = act(parts.flag_admin)
    except FlagOutcomeUnknownError as error:
        _record_unknown(parts, order, what, error)
        raise
    before, after = definition_words(change.before), definition_words(change.after)
    return change, recorded(parts, order, what, before, after)


def _record_unknown(parts: Parts, order: Order, what: str, error: FlagOutcomeUnknownError) -> None:
    """Write down what may have been done, or may be later: somebody will ask who wanted it."""
    wanted = f"{definition_words(error.wanted)}, if it was done, which is unknown"
    recorded(parts, order, what, definition_words(error.before), wanted)


def switch_off(parts: Parts, order: Order) -> Outcome:
    """Switch both flags off, the canonical first. Raises `FlagAdminError`."""
    changes = _switched_off(parts, order)
    before = "; ".join(definition_words(change.before) for change in changes)
    notes = recorded(parts, order, "off", before, "off; off")
    return Outcome(
        f"both flags are off (revision {changes[-1].revision}): legacy serves everybody,"
        " nothing shadows",
        wait_for_flags(parts, *changes),
        {change.after.name: _change_json(change) for change in changes},
        (*notes, *_waiting_notes(parts)),
    )


def _switched_off(parts: Parts, order: Order) -> list[FlagChange]:
    """Switch both flags off; record the first one alone if the second fails."""
    changes: list[FlagChange] = []
    for flag in (parts.pair.canonical, parts.pair.shadow):
        try:
            changes.append(parts.flag_admin.switch_off(flag))
        except FlagAdminError as error:
            for change in changes:
                recorded(parts, order, "off, one flag", definition_words(change.before), "off")
            if isinstance(error, FlagOutcomeUnknownError):
                _record_unknown(parts, order, "off, one flag", error)
            raise
    return changes


def roll_back(parts: Parts, order: Order) -> Outcome:
    """Send everybody to legacy and wait for every worker. Raises `LatchStoreError`."""
    latch = parts.kill_switch.engage(who=order.who, why=order.why)  # before anything may wait
    before = _stage(parts, parts.kill_switch.replaced)
    notes = recorded(parts, order, "rollback", before, Stage.ROLLED_BACK)
    return Outcome(
        f"rolled back: legacy serves everybody (epoch {latch.epoch})",
        wait_for_latch(parts, latch),
        {"latch": latch_json(latch), "stores": placements_json(parts.kill_switch.placements)},
        (*notes, *placement_notes(parts.kill_switch.placements)),
    )


def resume(parts: Parts, order: Order, *, percentage: int) -> Outcome:
    """Set the percentage, wait for it everywhere, and only then let go of the latch.

    In the other order a worker could follow the old percentage for a moment. Raises
    `RolloutError` with the latch still engaged when there is nothing to resume, or a worker
    does not follow; `FlagAdminError`, `LatchStoreError`.
    """
    current_stage(parts)
    if not parts.kill_switch.latch.engaged:
        raise RolloutError(
            f"there is nothing to resume, the latch is {latch_words(parts.kill_switch.latch)};"
            f" to change the percentage run `flask rollout set {percentage}`"
        )
    notes = _keep_others_back(parts, order)
    change, said = _turned(parts, order, "set", _to(parts.pair.canonical, percentage=percentage))
    notes += said
    after = definition_words(change.after)
    _refuse_laggards(wait_for_flags(parts, change), percentage, here=parts.workers.host)
    latch = parts.kill_switch.release(who=order.who, why=order.why)
    if latch.engaged:
        raise RolloutError(
            f"not resumed: somebody rolled back meanwhile, the latch is {latch_words(latch)}"
        )
    notes += recorded(parts, order, "resume", Stage.ROLLED_BACK, current_stage(parts))
    return Outcome(
        f"resumed: canonical serves {after} (epoch {latch.epoch}, revision {change.revision})",
        wait_for_latch(parts, latch),
        {
            "latch": latch_json(latch),
            "stores": placements_json(parts.kill_switch.placements),
            **_change_json(change),
        },
        (
            *notes,
            *placement_notes(parts.kill_switch.placements),
            *_standing_notes(parts),
            *_waiting_notes(parts),
        ),
    )


def _keep_others_back(parts: Parts, order: Order) -> tuple[str, ...]:
    """Set all other migrations to 0 %; return what has to be said of that.

    The latch holds all of them, and letting go of it is to move the users of one only.
    """
    notes: tuple[str, ...] = ()
    for pair in MIGRATIONS:
        definition = parts.provider.state.definition(pair.canonical)
        if pair is parts.pair or definition is None or not definition.enabled:
            continue
        if definition.percentage == 0:
            continue
        change, said = _turned(
            parts.of(pair.migration), order, "set", _to(pair.canonical, percentage=0)
        )
        before, after = definition_words(change.before), definition_words(change.after)
        notes += (
            f"{pair.migration} was at {before} and is at {after}: move it on by itself, with"
            f" `flask rollout set --migration {pair.migration}`",
            *said,
        )
    return notes


def _to(flag: str, *, percentage: int) -> Callable[[FlagAdmin], FlagChange]:
    return lambda admin: admin.set_percentage(flag, percentage)


def current_stage(parts: Parts) -> Stage:
    """Look at flags and latch anew, and return the stage that they describe."""
    parts.kill_switch.poll()
    return _stage(parts, parts.kill_switch.latch)


def _stage(parts: Parts, latch: Latch) -> Stage:
    """Look at the flags anew, and return the stage that they describe with this latch."""
    parts.provider.poll()
    state = parts.provider.state
    canonical = state.definition(parts.pair.canonical)
    return stage_of(canonical, state.definition(parts.pair.shadow), latch)


def _refuse_laggards(confirmation: Confirmation, percentage: int, *, here: str) -> None:
    """Raise `RolloutError` if a worker may still follow another percentage."""
    if confirmation.blind_to:
        raise RolloutError(
            "not resumed, the latch is still engaged: whether the workers of other hosts have"
            f" followed to {percentage} % cannot be seen: {confirmation.blind_to}"
        )
    if confirmation.unconfirmed:
        names = " and ".join(worker_words(each, here=here) for each in confirmation.unconfirmed)
        raise RolloutError(
            f"not resumed, the latch is still engaged: {names} has not followed to"
            f" {percentage} % and would go on with more users than that; let it go on or end"
            " it, then run the command again. A flag file is its host's alone: set it on the"
            " other hosts, too"
        )


def from_the_files(parts: Parts, user_id: int) -> dict[str, Any]:
    """Return who would serve the user, by the flag file and the latch alone."""
    stage = current_stage(parts)
    latch, state = parts.kill_switch.latch, parts.provider.state
    decision = state.decide(parts.pair.canonical, FlagContext(user_id))
    return {
        "side": "canonical" if decision.value and not latch.engaged else "legacy",
        "reason": Stage.ROLLED_BACK if latch.engaged else decision.reason,
        "bucket": decision.bucket,
        "shadowed": state.decide(parts.pair.shadow, FlagContext(user_id)).value,
        "stage": stage,
        "flag_revision": decision.flag_version,
        "stale": decision.stale,
        "latch": latch_words(latch),
    }


def recorded(parts: Parts, order: Order, what: str, before: str, after: str) -> tuple[str, ...]:
    """Write the audit trail; a trail that cannot be written undoes nothing, and is said."""
    if parts.pair is not BALANCE_NOTIFICATIONS:
        what = f"{what} ({parts.pair.migration})"
    entry = HistoryEntry(datetime.now(UTC), order.who, what, order.why, before, after)
    try:
        parts.history.append(entry)
    except OSError as error:
        return (f"this was done, but could not be written into the history: {error}",)
    return ()


def _named(parts: Parts) -> str:
    """Return the option that a command needs to be about this migration."""
    return "" if parts.pair is BALANCE_NOTIFICATIONS else f" --migration {parts.pair.migration}"


def _notes_on(parts: Parts, change: FlagChange) -> tuple[str, ...]:
    """Return what an operator who names a user of a flag that is off should know."""
    if change.after.enabled:
        return ()
    return (
        f"the flag is off and reaches nobody: `flask rollout set 0{_named(parts)}` switches it on",
    )


def _standing_notes(parts: Parts) -> tuple[str, ...]:
    """Return what an operator who moves users should know besides."""
    stage = current_stage(parts)
    if stage is Stage.ROLLED_BACK:
        return ("the latch is engaged, legacy goes on serving: see `flask rollout resume`",)
    if not is_verified(stage, parts.provider.state.definition(parts.pair.shadow)):
        return (
            "nothing is compared, the shadow is at 0 %: run"
            f" `flask rollout shadow 100{_named(parts)}`",
        )
    return ()


def _waiting_notes(parts: Parts) -> tuple[str, ...]:
    """Return what of the flags in Unleash is not followed."""
    problem = parts.provider.problem
    if parts.settings.unleash_url is None or problem is None:
        return ()
    return (f"not all that Unleash holds is followed: {problem}",)


def _change_json(change: FlagChange) -> dict[str, Any]:
    return {
        "from": definition_json(change.before),
        "to": definition_json(change.after),
        "revision": change.revision,
    }
