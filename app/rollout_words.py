"""How the command line says flags, latches and confirmations, in words and in JSON."""

from typing import Any

from flags.confirmation import Confirmation
from flags.definition import FlagDefinition
from flags.latch import Latch


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


def confirmation_words(confirmation: Confirmation) -> list[str]:
    """Return a line for each worker that confirmed."""
    return [
        f"  worker {each.pid} confirmed after {each.milliseconds:.0f} ms"
        for each in confirmation.confirmed
    ]


def unconfirmed_words(pid: int) -> str:
    """Return what to say, and to do, about a worker that has not confirmed."""
    return (
        f"worker {pid} has not confirmed and may still follow what was before: see whether it"
        f" is stopped (ps -o stat= -p {pid}); kill -CONT {pid} lets it go on, kill -KILL {pid}"
        " ends it"
    )


def confirmation_json(confirmation: Confirmation) -> dict[str, Any]:
    """Return both lists in JSON's types."""
    return {
        "confirmed": [
            {"pid": each.pid, "ms": round(each.milliseconds, 1)} for each in confirmation.confirmed
        ],
        "unconfirmed": list(confirmation.unconfirmed),
    }
