"""Where the migration is: stage, flags, latch and workers, in words and in JSON."""

from datetime import UTC, datetime
from typing import Any

from app.guard_said import guard_json, guard_line
from app.ledger_words import evidence_json, evidence_lines
from app.parts import Parts
from app.rollout import current_stage
from app.rollout_words import (
    definition_json,
    definition_words,
    latch_json,
    latch_words,
    where_words,
    worker_words,
)
from app.settings_digest import OF_COMMANDS, differing, settings_digest
from flags.confirmation import latch_applied
from flags.decision import MIGRATIONS
from flags.stage import is_verified
from flags.state import FlagState
from flags.workers import WorkerId, WorkerState, WorkerView


def status_json(parts: Parts) -> dict[str, Any]:
    """Return the whole status in JSON's types: that of balance notifications, then the others."""
    own = _migration_json(parts)
    others = [pair.migration for pair in MIGRATIONS if pair is not parts.pair]
    state, switch = parts.provider.state, parts.kill_switch
    return {
        **own,
        "flags": {
            "source": state.source,
            "revision": state.revision,
            "stale": state.stale,
            "age_s": None if state.seen.age_s is None else round(state.seen.age_s, 1),
            "problem": parts.provider.problem,
        },
        "latch": {**latch_json(switch.latch), "problems": list(switch.problems)},
        "workers": _workers_json(parts),
        "workers_unseen": parts.workers.blind_to,
        "others": {name: _migration_json(parts.of(name)) for name in others},
    }


def _migration_json(parts: Parts) -> dict[str, Any]:
    """Return what each migration has of its own."""
    stage = current_stage(parts)
    state = parts.provider.state
    shadow = state.definition(parts.pair.shadow)
    return {
        "migration": parts.pair.migration,
        "stage": stage,
        "verified": is_verified(stage, shadow),
        "canonical": definition_json(state.definition(parts.pair.canonical)),
        "shadow": definition_json(shadow),
        "guard": guard_json(parts),
        **evidence_json(parts),
    }


def status_lines(parts: Parts) -> list[str]:
    """Return the whole status as lines for a person."""
    status = status_json(parts)
    state, switch = parts.provider.state, parts.kill_switch
    lines = [
        *_migration_lines(parts, status),
        f"flags      {state.source}, revision {state.revision}{_staleness(state)}",
        f"latch      {latch_words(switch.latch)}",
        *(_worker_words(worker, here=parts.workers.host) for worker in status["workers"]),
    ]
    if not status["workers"]:
        lines.append("workers    none is running")
    lines += evidence_lines(status)
    problems = _problems(parts, status, here=parts.workers.host)
    lines += [f"problem    {problem}" for problem in problems]
    for name, other in status["others"].items():
        lines += ["", f"migration  {name}", *_migration_lines(parts.of(name), other)]
        lines += evidence_lines(other)
    return lines


def _migration_lines(parts: Parts, status: dict[str, Any]) -> list[str]:
    state = parts.provider.state
    verified = "" if status["verified"] else " (not verified: the shadow is at 0 %)"
    return [
        f"stage      {status['stage']}{verified}",
        f"canonical  {definition_words(state.definition(parts.pair.canonical))}",
        f"shadow     {definition_words(state.definition(parts.pair.shadow))}",
        guard_line(status["guard"]),
    ]


def _workers_json(parts: Parts) -> list[dict[str, Any]]:
    """Return every worker, those that do not follow first."""
    workers = [_worker_json(parts, view) for view in parts.workers.read()]
    return sorted(workers, key=lambda worker: worker["follows"])


def _staleness(state: FlagState) -> str:
    """Return what to add about flags that are not the newest."""
    if not state.stale:
        return ""
    age = state.seen.age_s
    return ", stale" if age is None else f", stale, as they were {age:.0f} s ago"


def _worker_json(parts: Parts, view: WorkerView) -> dict[str, Any]:
    record = view.record
    has_latch = latch_applied(parts.kill_switch.latch)(record) is not None
    return {
        "pid": record.pid,
        "host": record.host,
        "namespace": record.namespace,
        "state": view.state,
        "epoch": record.epoch,
        "epoch_applied_at": _at(record.epoch_applied_at),
        "revision": record.revision,
        "revision_applied_at": _at(record.revision_applied_at),
        "follows": view.state is WorkerState.LIVE
        and has_latch
        and record.flags == parts.provider.state.digest,
        "settings": record.settings,
        "problems": list(record.problems),
        "heartbeat_age_s": round(max(0.0, view.age), 1),
    }


def _worker_words(worker: dict[str, Any], *, here: str) -> str:
    follows = "follows" if worker["follows"] else "does not follow"
    where = where_words(_id(worker), here=here)
    return (
        f"worker     {worker['pid']}{where} {worker['state']}, {follows}: epoch {worker['epoch']}"
        f" since {worker['epoch_applied_at']}, revision {worker['revision']} since"
        f" {worker['revision_applied_at']}, heard of {worker['heartbeat_age_s']} s ago"
    )


def _id(worker: dict[str, Any]) -> WorkerId:
    return WorkerId(worker["host"], worker["pid"], worker["namespace"])


def _at(moment: float) -> str:
    """Return a moment of a worker's clock as the history writes it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _problems(parts: Parts, status: dict[str, Any], *, here: str) -> list[str]:
    """Return what is amiss: of flags and latch, of each worker, and among them."""
    workers = status["workers"]
    problems = [parts.provider.problem, *parts.kill_switch.problems]
    if status["workers_unseen"]:
        problems.append(f"workers of other hosts cannot be seen: {status['workers_unseen']}")
    for worker in workers:
        name = worker_words(_id(worker), here=here)
        problems += [f"{name}: {problem}" for problem in worker["problems"]]
    problems += _other_settings(workers, settings_digest(parts.settings), here=here)
    return [problem for problem in problems if problem]


def _other_settings(workers: list[dict[str, Any]], ours: str, *, here: str) -> list[str]:
    """Return which settings some worker was started with and another one, or a command, was not.

    A command goes by few of them: that a service pays more often is none of its business.
    """
    running = [each for each in workers if each["state"] != WorkerState.DEAD]
    problems = []
    for worker in running:
        name, first = worker_words(_id(worker), here=here), running[0]
        if unlike := [each for each in differing(worker["settings"], ours) if each in OF_COMMANDS]:
            problems.append(
                f"{name} was started with other settings than this command: {', '.join(unlike)};"
                " give commands the settings of the service"
            )
        if unlike := differing(worker["settings"], first["settings"]):
            other = worker_words(_id(first), here=here)
            problems.append(
                f"{name} was started with other settings than {other}: {', '.join(unlike)};"
                " start all with the same"
            )
    return problems
