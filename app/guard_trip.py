"""What happens when the guard trips: legacy serves, and everybody who has to know is told why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from app.guard_looks import Breach, Watched
from flags.history import History, HistoryEntry
from flags.kill_switch import KillSwitch
from flags.latch import Latch, LatchStoreError
from flags.stage import Stage
from shim.guard.reason import reason
from shim.guard.record import GuardStoreError
from shim.shadow.ledger_store import DRILL

WHO = "guard"
MOST_FINGERPRINTS = 3
NOT_SHARED = " (no store took it: one worker follows, the others do not)"
"""What the history says besides of a trip that only memory holds."""

Tell = Callable[[Mapping[str, Any]], None]

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class GuardTrip:
    """Pulls the cord. `tell` hands a notice to the webhook; it returns at once."""

    kill_switch: KillSwitch
    history: History
    host: str
    tell: Tell

    def __call__(self, each: Watched, found: Breach) -> None:
        """Engage the latch if it is still open at the breach's epoch, and tell why.

        Whoever finds that another one was first does nothing. A latch that no store took is
        followed by this worker alone, and brought to the others once a store answers: the log,
        the notice and the history say so.
        """
        ruling, evidence = found.ruling, _evidence(found)
        migration, stage = each.name, each.stage
        samples = {mark: seen["sample"] for mark, seen in evidence.items()}
        sentence = reason(ruling, samples, each.course.words_of)
        why = f"{migration}: {sentence}"
        event, problem = "guard_tripped", {}
        try:
            latch = self.kill_switch.trip(at=found.at, who=WHO, why=why)
        except LatchStoreError as error:
            event, problem = "guard_trip_not_shared", {"error": str(error)}
            latch = self.kill_switch.latch
        if latch is None:
            return
        said = {
            "migration": migration,
            "host": self.host,
            "limit": ruling.limit,
            "reason": sentence,
            "ruling": ruling.message,
            "divergences": evidence,
            **problem,
        }
        if problem:
            _log.error("guard_trip_not_shared", epoch=latch.epoch, stage=stage, **said)
        else:
            _log.error("guard_tripped", epoch=latch.epoch, stage=stage, **said)
        self._record(latch, stage, NOT_SHARED if problem else "")
        self.tell({"event": event, **_of(latch), **said})

    def _record(self, latch: Latch, stage: Stage, besides: str) -> None:
        why = latch.why + besides
        entry = HistoryEntry(datetime.now(UTC), WHO, "rollback", why, stage, Stage.ROLLED_BACK)
        try:
            self.history.append(entry)
        except OSError as error:
            _log.error("guard_trip_not_recorded", error=str(error))


def _evidence(found: Breach) -> dict[str, dict[str, Any]]:
    """Return the most frequent new divergences: how many, and what one looked like."""
    if found.ruling.limit == DRILL:
        return {}
    counts = {
        name.removeprefix("group "): count
        for name, count in found.new.items()
        if name.startswith("group ")
    }
    often = sorted(counts, key=lambda mark: -counts[mark])[:MOST_FINGERPRINTS]
    return {mark: {"count": counts[mark], "sample": _sample(found, mark)} for mark in often}


def _sample(found: Breach, fingerprint: str) -> str:
    try:
        return found.sample(fingerprint)
    except GuardStoreError:
        return ""


def tripped_by(latch: Latch) -> str:
    """Return the migration whose guard engaged a latch."""
    return latch.why.partition(": ")[0]


def _of(latch: Latch) -> dict[str, Any]:
    return {"epoch": latch.epoch, "when": latch.when.isoformat(), "why": latch.why}
