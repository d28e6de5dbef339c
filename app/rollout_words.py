"""How the command line says flags, latches and confirmations, in words and in JSON."""

from collections.abc import Sequence
from typing import Any

from flags.confirmation import Confirmation
from flags.definition import FlagDefinition
from flags.latch import Latch
from flags.latch_watch import Placement, PutOutcome
from flags.places import this_place
from flags.workers import SILENCE_LIMIT_S, WorkerId


def definition_words(definition: FlagDefinition | None) -> str:
    """Return whom a flag reaches, such as "25 % and users 7, 9"."""
    if definition is None:
        return "missing"
    if not definition.enabled:
        return "off"
    percentage = f"{definition.percentage} %"
    if not definition.cohort:
        return percentage
    users = ", ".join(str(user) for user in sorted(definition.cohort)[:10])
    more = f" and {len(definition.cohort) - 10} more" if len(definition.cohort) > 10 else ""
    return f"{percentage} and {'users' if len(definition.cohort) > 1 else 'user'} {users}{more}"


def definition_json(definition: FlagDefinition | None) -> dict[str, Any] | None:
    """Return a flag in JSON's types, None if it is missing."""
    if definition is None:
        return None
    return {
        "enabled": definition.enabled,
        "percentage": definition.percentage,
        "cohort": sorted(definition.cohort),
    }


def latch_words(latch: Latch) -> str:
    """Return what the latch says, by whom, since when and why."""
    position = "engaged" if latch.engaged else "open"
    if latch.epoch == 0 and not latch.engaged:
        return f"{position}, never engaged"
    when = latch.when.isoformat(timespec="seconds")
    return f"{position}, epoch {latch.epoch}, by {latch.who} at {when}: {latch.why}"


def latch_json(latch: Latch) -> dict[str, Any]:
    """Return the latch in JSON's types."""
    return {
        "epoch": latch.epoch,
        "engaged": latch.engaged,
        "who": latch.who,
        "when": latch.when.isoformat(),
        "why": latch.why,
    }


def worker_words(worker: WorkerId, *, here: str) -> str:
    """Return how a worker is named: its host only if that is another one."""
    return f"worker {worker.pid}{where_words(worker, here=here)}"


def where_words(worker: WorkerId, *, here: str) -> str:
    """Return what to add to the pid of a worker that this process cannot look at."""
    if worker.host != here:
        return f" of host {worker.host}"
    if worker.namespace == this_place(here).namespace:
        return ""
    return " in another pid namespace"


def confirmation_words(confirmation: Confirmation, *, here: str) -> list[str]:
    """Return a line for each worker that confirmed."""
    return [
        f"  {worker_words(each.worker, here=here)} confirmed after {each.milliseconds:.0f} ms"
        for each in confirmation.confirmed
    ]


def unconfirmed_words(worker: WorkerId, *, here: str) -> str:
    """Return what to say, and to do, about a worker that has not confirmed."""
    pid, named = worker.pid, worker_words(worker, here=here)
    there = "" if named == f"worker {pid}" else " there"
    lost = there and (
        "; what was lost together with its host or container is named until nothing was heard of"
        f" it for {SILENCE_LIMIT_S / 60:.0f} minutes"
    )
    return (
        f"{named} has not confirmed and may still follow what was before: see{there} whether it is"
        f" stopped (ps -o stat= -p {pid}); kill -CONT {pid} lets it go on, kill -KILL {pid} ends"
        f" it{lost}"
    )


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """Return both lists in JSON's types, and why there may be others."""
    return {
        "confirmed": [
            {"pid": each.worker.pid, "host": each.worker.host, "ms": round(each.milliseconds, 1)}
            for each in confirmation.confirmed
        ],
        "unconfirmed": [{"pid": each.pid, "host": each.host} for each in confirmation.unconfirmed],
        "blind_to": confirmation.blind_to,
    }


def placement_notes(placements: Sequence[Placement]) -> tuple[str, ...]:
    """Return a note for each store that did not take the latch."""
    return tuple(
        f"the kill switch was not written to {each.store} ({each.outcome} after"
        f" {each.milliseconds:.0f} ms): {each.detail}; workers bring it there once it answers"
        for each in placements
        if each.outcome is not PutOutcome.WRITTEN
    )


def placements_json(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """Return what each store did with the latch, in JSON's types."""
    return [
        {"store": each.store, "outcome": each.outcome, "ms": round(each.milliseconds, 1)}
        for each in placements
    ]
