"""Whether this worker is alive, and whether it should be given traffic."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Blueprint

from app.errors import DatabaseLocked, DatabaseReadOnly, DatabaseUnavailable
from app.parts import Parts, parts

health = Blueprint("health", __name__)

NO_CONTROL = "the control thread has ended: no flip is followed; restart this worker"


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
    runtime = parts().runtime
    if runtime.started and not runtime.control.alive:
        return {"status": "dead", "problem": NO_CONTROL}, HTTPStatus.SERVICE_UNAVAILABLE
    return {"status": "alive"}, HTTPStatus.OK


@health.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """Answer 503 when this worker should get no traffic, 200 otherwise, degraded or not."""
    readiness = _readiness(parts())
    code = HTTPStatus.SERVICE_UNAVAILABLE if readiness.blocking else HTTPStatus.OK
    return {
        "status": readiness.status,
        "problems": readiness.blocking + readiness.degraded,
        "stage": str(parts().stage()),
    }, code


def _readiness(parts: Parts) -> Readiness:
    readiness = Readiness()
    if not parts.runtime.started:
        readiness.blocking.append(
            "this process was not started after its fork: let gunicorn.conf.py call"
            " runtime.start() in post_worker_init"
        )
    elif not parts.runtime.control.alive:
        readiness.blocking.append(NO_CONTROL)
    if not parts.provider.ready:
        why = parts.provider.problem or "nobody has looked for them yet"
        readiness.blocking.append(f"no flags were loaded: {why}")
    elif parts.provider.problem is not None:
        readiness.degraded.append(f"the flags are the last good ones: {parts.provider.problem}")
    readiness.degraded += [f"kill switch: {problem}" for problem in parts.kill_switch.problems]
    readiness.degraded += parts.instance_check.problems
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


def _check_database(parts: Parts, readiness: Readiness) -> None:
    try:
        parts.database.check()
    except (DatabaseLocked, DatabaseReadOnly) as error:
        readiness.degraded.append(str(error))
    except DatabaseUnavailable as error:
        readiness.blocking.append(str(error))
