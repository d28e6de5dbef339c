"""Letting through what a worker holds back: a raise that somebody made in Unleash itself."""

import time

from app.parts import Parts
from app.rollout import Order, Outcome, RolloutError, recorded
from app.rollout_waiting import PATIENCE_S, follows
from app.rollout_words import definition_json, definition_words
from flags.confirmation import either, revision_applied, wait_until_applied
from flags.definition import Held
from flags.targets import TargetsError


def waiting(parts: Parts) -> Held:
    """Return what of the migration waits for a person. Raises RolloutError if nothing does."""
    parts.provider.poll()
    for held in parts.provider.held:
        if held.definition.name == parts.pair.canonical:
            return held
    problem = parts.provider.problem
    why = f", but there is this, which the confirmation does not mend: {problem}" if problem else ""
    raise RolloutError(f"nothing of {parts.pair.migration} is held back{why}")


def confirm(parts: Parts, order: Order, held: Held) -> Outcome:
    """Authorise what is held back, and wait until every live worker follows.

    Raises RolloutError.
    """
    flag = held.definition.name
    before = definition_words(parts.provider.state.definition(flag))
    after = definition_words(held.definition)
    written_at = time.time()
    try:
        parts.targets.authorise(held.definition)
    except TargetsError as error:
        raise RolloutError(f"not confirmed: {error}") from error
    parts.flag_hints.tell(held.revision)
    notes = recorded(parts, order, "confirm", before, after)
    confirmation = wait_until_applied(
        parts.workers,
        either(revision_applied(held.revision, written_at=0.0), follows(parts, held.definition)),
        since=written_at,
        timeout=PATIENCE_S,
    )
    return Outcome(
        f"{flag}: {before} -> {after} (revision {held.revision})",
        confirmation,
        {
            "flag": flag,
            "to": definition_json(held.definition),
            "revision": held.revision,
        },
        notes,
    )
