"""What the guard of a migration says, and when it said so: for status, plan and drill."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.guard_trip import WHO, tripped_by
from app.parts import Parts
from flags.latch import Latch
from flags.workers import WorkerState
from shim.guard.record import GuardStoreError, Kept
from shim.guard.ruling import Ruling, State
from shim.shadow.period import END_OF_DRILL

SILENT_S = 15.0
"""Seconds after which a guard that kept nothing does not run."""


@dataclass(frozen=True, slots=True)
class Said:
    """A ruling, when it was made (None if never), and how far the guard's tests are."""

    ruling: Ruling
    at: datetime | None = None
    kept: Kept = field(default_factory=Kept)


def guard_said(parts: Parts) -> Said:
    """Return what holds now: the trip, the last ruling, or why there is none."""
    if not parts.settings.guard.on:
        return _not_running("it is switched off by SHIM_GUARD")
    latch = parts.kill_switch.latch
    try:
        kept = parts.guard.read()
    except GuardStoreError as error:
        return _tripped(parts, latch) or _not_running(str(error))
    last = None if kept.record is None else datetime.now(UTC) - timedelta(seconds=kept.age_s)
    tripped = _tripped(parts, latch)
    if tripped is not None:
        return Said(tripped.ruling, tripped.at, kept)
    why = _why_silent(parts, latch, kept)
    if kept.record is None or why is None:
        ruling = kept.record.ruling if kept.record is not None else None
        return Said(ruling or _no_ruling(why or "it has not looked yet"), last, kept)
    before = kept.record.ruling.state.replace("_", " ")
    moment = "" if last is None else f" at {last.isoformat(timespec='seconds')}"
    return Said(_no_ruling(f"{why}; the last ruling was {before}{moment}"), last, kept)


def _why_silent(parts: Parts, latch: Latch, kept: Kept) -> str | None:
    """Return why what was ruled last does not hold now, None if it does."""
    if _nobody_runs(parts):
        return "no worker is running: no ruling"
    if kept.record is None:
        return "it has not looked yet: is the service running?"
    if latch.engaged:
        return f"everybody is on legacy, by {latch.who}: it rules again after a resume"
    if kept.record.epoch != latch.epoch:
        return f"no ruling yet since the {_what_began(latch)} {_ago(latch)} ago"
    if kept.age_s > SILENT_S:
        return f"it has said nothing for {kept.age_s:.0f} s"
    return None


def _tripped(parts: Parts, latch: Latch) -> Said | None:
    """Return the trip of this migration that holds now, if there is one."""
    name = parts.pair.migration
    if not latch.engaged or latch.who != WHO or tripped_by(latch) != name:
        return None
    return Said(Ruling(State.BREACHED, "tripped", latch.why.removeprefix(f"{name}: ")), latch.when)


def _nobody_runs(parts: Parts) -> bool:
    """Tell whether no worker is left, as far as all hosts can be seen."""
    if parts.workers.blind_to:
        return False
    return all(view.state is WorkerState.DEAD for view in parts.workers.read())


def _what_began(latch: Latch) -> str:
    if latch.why.startswith(END_OF_DRILL):
        return "drill ended"
    return "resume" if latch.epoch else "start"


def _ago(latch: Latch) -> str:
    return f"{max((datetime.now(UTC) - latch.when).total_seconds(), 0.0):,.0f} s"


def _not_running(why: str) -> Said:
    return Said(_no_ruling(why))


def _no_ruling(why: str) -> Ruling:
    return Ruling(State.NOT_RUNNING, "running", why)


def guard_json(parts: Parts) -> dict[str, Any]:
    """Return what the guard says, for the status."""
    said = guard_said(parts)
    return {
        "state": said.ruling.state,
        "limit": said.ruling.limit,
        "reason": said.ruling.message,
        "at": None if said.at is None else said.at.isoformat(timespec="seconds"),
        "age_s": None if said.kept.record is None else round(said.kept.age_s, 1),
    }


def guard_line(told: dict[str, Any]) -> str:
    """Return the same for a person."""
    rules = told["state"] != State.NOT_RUNNING and told["at"] is not None
    when = f", at {told['at']}" if rules else ""
    return f"guard      {told['state'].replace('_', ' ')}{when}: {told['reason']}"
