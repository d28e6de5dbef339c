"""Whether this worker is alive, and whether it should be given traffic.

Anybody may ask: what is amiss is said without hosts, users and paths, and in full in the log.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from flask import Blueprint, current_app

from app.adapters.queued_stream import lost_lines
from app.errors import DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable
from app.parts import Parts, parts
from app.runtime import Runtime
from app.web.strangers import for_strangers

_log = structlog.get_logger(__name__)

health = Blueprint("health", __name__)

NO_CONTROL = "the control thread has ended: no flip is followed; restart this worker"
_LOGGED = "problems that were logged"
SILENT_S = 2.0
"""Seconds without a heartbeat after which a worker gets no traffic: its mates doubt it by then."""
STUCK_S = 10.0
"""Seconds without a heartbeat after which a worker is to be restarted."""


IN_MEMORY = (
    "kill switch: only the memory of this worker has the rollback: other workers do not follow it,"
    " and a restart undoes it; let a store be written to, or roll back by the command line"
)


@dataclass(slots=True)
class Readiness:
    """What keeps a worker from work, and what it works without."""

    blocking: list[str] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Return `dead`, `degraded` or `ready`."""
        if self.blocking:
            return "dead"
        return "degraded" if self.degraded else "ready"


@health.get("/healthz")
def healthz() -> tuple[dict[str, Any], int]:
    """Answer 200 as long as restarting this worker would mend nothing."""
    problem = _control_problem(parts().runtime, bearable_s=STUCK_S)
    if problem is not None:
        said = for_strangers(problem, parts().settings)
        return {"status": "dead", "problem": said}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "alive"}, HTTPStatus.OK


@health.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Answer 503 when this worker should get no traffic, 200 otherwise, degraded or not."""
    readiness = _readiness(parts())
    problems = readiness.blocking + readiness.degraded
    _log_new(problems)
    code = HTTPStatus.SERVICE_UNAVAILABLE if readiness.blocking else HTTPStatus.OK
    return {
        "status": readiness.status,
        "problems": [for_strangers(problem, parts().settings) for problem in problems],
        "stage": str(parts().stage()),
    }, code


def _log_new(problems: list[str]) -> None:
    """Log in full what was not amiss at the last look; other numbers make it nothing new."""
    before = current_app.extensions.get(_LOGGED, frozenset())
    kinds = {re.sub(r"\d+", "", problem): problem for problem in problems}
    current_app.extensions[_LOGGED] = frozenset(kinds)
    if new := [problem for kind, problem in kinds.items() if kind not in before]:
        _log.warning("not_well", problems=new)


def _readiness(parts: Parts) -> Readiness:
    readiness = Readiness()
    if not parts.runtime.started:
        readiness.blocking.append(
            "this process was not started after its fork: let gunicorn.conf.py call"
            " runtime.start() in post_worker_init"
        )
    elif (silent := _control_problem(parts.runtime, bearable_s=SILENT_S)) is not None:
        readiness.blocking.append(silent)
    if not parts.provider.ready:
        why = parts.provider.problem or "nobody has looked for them yet"
        # Legacy serves everybody then, as production does today: that is no reason to serve nobody.
        readiness.degraded.append(f"no flags were loaded: {why}; legacy serves everybody")
    elif parts.provider.problem is not None:
        readiness.degraded.append(f"the flags are the last good ones: {parts.provider.problem}")
    readiness.degraded += [f"kill switch: {problem}" for problem in parts.kill_switch.problems]
    readiness.degraded += parts.instance_check.problems
    if parts.kill_switch.latch.engaged and not (parts.kill_switch.kept or parts.kill_switch.held):
        readiness.degraded.append(IN_MEMORY)
    readiness.degraded += lost_lines()
    readiness.degraded += parts.runtime.control.problems
    readiness.degraded += parts.reach.problems
    if parts.runtime.started:
        for name, course in parts.courses.items():
            state = course.shadowing.executor.state
            if state != "running":
                readiness.degraded.append(f"{name}: shadows are {state}")
            readiness.degraded += course.problems
    _check_database(parts, readiness)
    return readiness


def _control_problem(runtime: Runtime, *, bearable_s: float) -> str | None:
    """Return why no flip is followed, None if the control thread does its work."""
    control = runtime.control
    if not runtime.started:
        return None
    if not control.alive:
        return NO_CONTROL
    if control.silent_s <= bearable_s:
        return None
    return (
        f"the control thread has shown no sign of life for {control.silent_s:.0f} s, since it began"
        f" {control.doing}: no flip is followed; see whether a disk hangs, then restart this worker"
    )


def _check_database(parts: Parts, readiness: Readiness) -> None:
    try:
        parts.database.check()
    except (DatabaseLocked, DatabaseReadOnly) as error:
        readiness.degraded.append(str(error))
    except DatabaseUnavailable as error:
        readiness.blocking.append(str(error))
