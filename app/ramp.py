"""Where a rollout is on its ramp, what its next step needs, and what the guard says of it."""

from dataclasses import dataclass
from typing import Any

from app.guard_said import guard_json, guard_line, guard_said
from app.known import refuse_complete
from app.known_files import not_meant_to_stay
from app.parts import Parts
from app.rollout import Order, Outcome, RolloutError, current_stage, set_flag
from flags.ramp import next_step
from flags.stage import Stage
from shim.guard.plan import Missing, Standing, missing, objection
from shim.guard.record import GuardStoreError, Kept
from shim.guard.watching import compared_since


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, where we are, what is missing, and why the next one is not to be taken if so."""

    steps: tuple[int, ...]
    standing: Standing
    step: int | None
    missing: tuple[Missing, ...]
    objection: str | None

    @property
    def ready(self) -> bool:
        """Whether the next step may be taken."""
        return self.step is not None and not self.missing and self.objection is None

    @property
    def lacking(self) -> str:
        """What keeps the rollout from its next step, in words; empty if nothing does."""
        return "; ".join([*map(str, self.missing), *([self.objection] if self.objection else [])])


def percentage_now(parts: Parts) -> int:
    """Look at the flags anew, and return whom the canonical is to serve, the cohort aside."""
    parts.provider.poll()
    definition = parts.provider.state.definition(parts.pair.canonical)
    return definition.percentage if definition is not None and definition.enabled else 0


def plan_of(parts: Parts) -> Plan:
    """Return the plan as it stands: by the flags, the latch, the ledger, and what is known."""
    stage, settings = current_stage(parts), parts.settings.guard
    percentage = percentage_now(parts)
    said = guard_said(parts)
    ruling, kept = said.ruling, said.kept
    standing = Standing(percentage, 0.0, {}, ruling)
    if kept.record is not None and kept.record.step.percentage == percentage:
        step = kept.record.step
        compared = _compared(parts, kept)
        standing = Standing(percentage, step.seconds, compared, ruling)
    step_to = next_step(percentage, settings.steps)
    why = [objection(ruling), not_meant_to_stay(parts.known) if step_to == 100 else None]
    if stage is Stage.ROLLED_BACK:
        why = ["everybody was rolled back: see `flask rollout resume`"]
    return Plan(
        settings.steps,
        standing,
        step_to,
        missing(standing, settings.criteria),
        "; ".join(each for each in why if each) or None,
    )


def advance(parts: Parts, order: Order) -> Outcome:
    """Go one step. Raises RolloutError saying what is missing, `FlagAdminError`."""
    plan = plan_of(parts)
    if plan.step is None:
        raise RolloutError(
            f"there is no step above {plan.standing.percentage} %: canonical serves everybody"
        )
    if not plan.ready:
        raise RolloutError(
            f"not advanced from {plan.standing.percentage} % to {plan.step} %: {plan.lacking}"
        )
    step, flag = plan.step, parts.pair.canonical
    return set_flag(parts, order, "advance", lambda admin: admin.set_percentage(flag, step))


def refuse_raise(parts: Parts, percentage: int, *, force: bool) -> None:
    """Raise RolloutError if more users would be moved than `set` and `resume` may move.

    `force` allows a leap: past the next step of the ramp, or to everybody while something that
    the last step needs is missing. A rollback leaves the flags alone, so the step after what was
    rolled back is the next one. What is known and not meant to stay keeps everybody from being
    moved in any case.
    """
    now = percentage_now(parts)
    refuse_complete(parts, percentage)
    if force or percentage <= now:
        return
    step = next_step(now, parts.settings.guard.steps)
    if step is not None and percentage > step:
        why = f"it is at {now} %, and the next step of the ramp is {step} %"
    elif percentage == 100 and not (plan := plan_of(parts)).ready:
        why = f"it is at {now} %, and the last step of the ramp lacks {plan.lacking}"
    else:
        return
    raise RolloutError(
        f"{percentage} % would be a leap: {why}. Nothing was changed: see `flask rollout plan`, or"
        " leap with --force and a --reason"
    )


def plan_json(parts: Parts) -> dict[str, Any]:
    """Return the plan in JSON's types."""
    plan = plan_of(parts)
    return {
        "migration": parts.pair.migration,
        "percentage": plan.standing.percentage,
        "next": plan.step,
        "ready": plan.ready,
        "steps": [{"percentage": step, "is": _place(step, plan)} for step in plan.steps],
        "stood_s": round(plan.standing.seconds, 1),
        "compared": dict(plan.standing.compared),
        "missing": [
            {
                "what": each.what,
                "have": each.have,
                "need": each.need,
                "unit": each.unit,
                "ready_in_s": None if each.ready_in is None else round(each.ready_in, 1),
            }
            for each in plan.missing
        ],
        "objection": plan.objection,
        "guard": guard_json(parts),
    }


def plan_lines(told: dict[str, Any]) -> list[str]:
    """Return the same for a person."""
    lines = [f"{each['percentage']:>4} %  {each['is']}" for each in told["steps"]]
    lines.append(f"at {told['percentage']} % for {told['stood_s']:,.0f} s under guard")
    for each in told["missing"]:
        lacking = str(Missing(**{**_without_json(each), "ready_in": each["ready_in_s"]}))
        lines.append(f"missing    {lacking}, {_when(each['ready_in_s'])}")
    if told["objection"]:
        lines.append(f"objection  {told['objection']}")
    if told["ready"]:
        lines.append(f"ready      `flask rollout advance` goes to {told['next']} %")
    return [*lines, guard_line(told["guard"])]


def _compared(parts: Parts, kept: Kept) -> dict[str, int]:
    if kept.record is None:
        return {}
    try:
        totals = parts.guard.totals()
    except GuardStoreError:
        return {}
    return dict(compared_since(kept.record.step, totals, parts.settings.guard.guarded))


def _place(step: int, plan: Plan) -> str:
    if step == plan.standing.percentage:
        return "here"
    if step == plan.step:
        return "next"
    return "passed" if step < plan.standing.percentage else "later"


def _without_json(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "ready_in_s"}


def _when(seconds: float | None) -> str:
    return "never at the present rate" if seconds is None else f"met in {seconds:,.0f} s"
