"""Waiting until every live worker follows what an operator changed."""

import time
from collections.abc import Iterable

from app.parts import Parts
from flags.admin import FlagChange
from flags.confirmation import (
    Applied,
    Confirmation,
    either,
    latch_applied,
    revision_applied,
    wait_until_applied,
)
from flags.definition import FlagDefinition
from flags.latch import Latch
from flags.workers import WorkerRecord

PATIENCE_S = 5.0
"""Seconds that a live worker has to apply a change; a silent one is given up after two."""
LOOK_S = 0.2
"""Seconds between two questions of a command to Unleash while it waits."""


def wait_for_flags(parts: Parts, *changes: FlagChange) -> Confirmation:
    """Wait until every live worker follows the changes.

    The one that is newest is waited for: one of them may have been so before.
    """
    change = max(changes, key=lambda each: each.revision)
    parts.provider.poll()
    alone = parts.settings.unleash_url is None
    applied = revision_applied(
        change.revision,
        written_at=change.written_at if change.is_new else 0.0,
        host=parts.workers.host,
        flags=parts.provider.state.digest if alone else None,
    )
    if not alone and parts.provider.problem is not None:
        applied = either(applied, follows(parts, *(each.after for each in changes)))
    return wait_until_applied(parts.workers, applied, since=change.written_at, timeout=PATIENCE_S)


def follows(parts: Parts, *wanted: FlagDefinition) -> Applied:
    """Return when a worker follows these flags, although others of Unleash's wait.

    Its flags say the same then as those which the server's answer comes to here; the server is
    asked until that has all of `wanted`. Meanwhile no worker gets the revision of what Unleash
    holds, for it does not follow all of it.
    """
    looked_at = 0.0

    def applied(record: WorkerRecord) -> float | None:
        nonlocal looked_at
        if not _says(parts, wanted) and time.monotonic() - looked_at >= LOOK_S:
            parts.provider.poll()
            looked_at = time.monotonic()
        same = _says(parts, wanted) and record.flags == parts.provider.state.digest
        return record.revision_applied_at if same else None

    return applied


def _says(parts: Parts, wanted: Iterable[FlagDefinition]) -> bool:
    state = parts.provider.state
    return all(state.definition(each.name) == each for each in wanted)


def wait_for_latch(parts: Parts, latch: Latch) -> Confirmation:
    """Wait until every live worker has applied this latch."""
    placed_at = parts.kill_switch.placed_at
    return wait_until_applied(
        parts.workers,
        latch_applied(latch),
        since=placed_at,
        timeout=PATIENCE_S,
    )
