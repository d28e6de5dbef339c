"""Every command of the two documents, and what shows that it did what they say."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.docs import effects, guard_effects, income_effects, unleash_effects
from tests.docs.demonstration import Demonstration, Done

VECTORS = "b_no_connection or b_object_argument or single_update"


@dataclass(frozen=True, slots=True)
class Check:
    """`effect` looks at what a command did; `first` makes the case that it is meant for."""

    effect: Callable[[Demonstration, Done], None]
    first: Callable[[Demonstration], None] | None = None


def percentage(percent: int, stage: str) -> Check:
    """Return the check of a command that sets the canonical's percentage."""
    return Check(partial(effects.percentage_is, percent, stage=stage))


ROLLED_BACK = partial(effects.stage_is, "rolled_back")

CHECKS = {
    f".venv/bin/{command}": check
    for command, check in {
        "flask rollout status": Check(effects.shows_the_status),
        "flask rollout why 74": Check(effects.says_why),
        "flask rollout history": Check(effects.shows_the_history),
        'flask rollout rollback --reason "balances look wrong"': Check(
            ROLLED_BACK, effects.everybody_is_served
        ),
        'flask rollout rollback --reason "balances stand still"': Check(
            ROLLED_BACK, effects.everybody_is_served
        ),
        'flask rollout rollback --reason "trying it out"': Check(ROLLED_BACK),
        'flask rollout resume --at 0 --reason "a false alarm"': percentage(0, "shadow"),
        'flask rollout resume --at 5 --reason "the cause was found"': percentage(5, "ramp"),
        'flask rollout resume --reason "it works as it should"': percentage(1, "ramp"),
        "flask rollout set 0": Check(partial(effects.percentage_is, 0, stage="shadow")),
        'flask rollout set 0 --reason "step 2: both flags on again"': percentage(0, "off"),
        'flask rollout set 25 --force --reason "trying it out"': percentage(25, "ramp"),
        'flask rollout set 100 --force --reason "trying it out"': percentage(100, "complete"),
        'flask rollout set 1 --reason "step 4"': percentage(1, "ramp"),
        "flask rollout plan": Check(guard_effects.shows_the_plan),
        'flask rollout advance --reason "step 5"': Check(guard_effects.says_what_is_missing),
        'flask rollout drill --reason "the monthly drill"': Check(guard_effects.practised),
        "flask rollout retirement": Check(guard_effects.says_what_is_in_the_way),
        "flask rollout shadow 0": Check(partial(effects.stage_is, "off")),
        "flask rollout shadow 100": Check(partial(effects.shadow_is, 100)),
        'flask rollout shadow 100 --reason "step 2"': Check(partial(effects.shadow_is, 100)),
        'flask rollout off --reason "step 1"': Check(effects.switched_off),
        'flask rollout cohort add 74 --reason "the first user is our own"': Check(effects.named),
        'flask rollout cohort add 74 --reason "evidence: the cure for one user"': Check(
            effects.named
        ),
        'flask rollout cohort add 74 --reason "step 3"': Check(effects.named),
        "flask rollout cohort list": Check(effects.lists_the_cohort),
        "flask rollout cohort remove 74": Check(effects.unnamed),
        'flask rollout cohort remove 74 --reason "end of the evidence"': Check(effects.unnamed),
        "flask unleash setup --hook https://app.example": Check(unleash_effects.cannot_look),
        "flask unleash doctor --hook https://app.example": Check(unleash_effects.cannot_look),
        'flask rollout confirm --reason "the raise was meant"': Check(
            unleash_effects.nothing_is_held
        ),
        "flask shadow report": Check(effects.reports_the_fault),
        "flask shadow tail --lines 3": Check(partial(effects.tails, lines=3)),
        "flask shadow tail --lines 20": Check(partial(effects.tails, lines=20)),
        "flask shadow tail --lines 5 --json": Check(effects.tails_json),
        "flask shadow ledger": Check(effects.names_callers),
        "flask shadow replay FINGERPRINT": Check(effects.replays),
        "flask shadow replay tests/cases/reach-9a7fb3bbdf510621.json": Check(effects.replays),
        "flask shadow replay tests/cases/saying-22590762dbf303a9.json": Check(effects.replays),
        "flask shadow replay tests/cases/saying-1d37ad946fdb9945.json": Check(effects.replays),
        "flask shadow known list": Check(effects.lists_known),
        "flask shadow known accept stale-boost --comparison saying --path balance.ton --kind value"
        ' --until 2036-12-31 --reason "the boost scheduler says an old balance"': Check(
            partial(effects.knows, "stale-boost")
        ),
        'flask shadow known end stale-boost --reason "it is not seen any more"': Check(
            partial(effects.knows, None)
        ),
        'flask rollout shadow 100 --migration farming-income --reason "compare the income"': Check(
            income_effects.shadowed
        ),
        "flask shadow report --migration farming-income": Check(income_effects.reported),
        'flask rollout off --migration farming-income --reason "the income was compared"': Check(
            income_effects.switched_off
        ),
        f'pytest -v tests/legacy/test_vectors.py -k "{VECTORS}"': Check(
            partial(effects.tests_pass, 3)
        ),
        "pytest -v tests/notifications/test_known_faults.py": Check(partial(effects.tests_pass, 6)),
        "pytest tests/core/test_callers_are_pinned.py": Check(partial(effects.tests_pass, 1)),
        "pytest tests/shim/test_hostile_candidate.py": Check(partial(effects.tests_pass, 1)),
    }.items()
} | {
    "touch instance/rollback": Check(
        effects.rolled_back_by_a_file, effects.everybody_is_served_again
    ),
    "kill -CONT PID": Check(effects.worker_goes_on, effects.worker_is_frozen),
    "kill -KILL PID": Check(effects.worker_is_replaced, effects.worker_is_frozen),
    "curl -s http://127.0.0.1:8000/healthz": Check(partial(effects.answers, "alive")),
    "curl -s http://127.0.0.1:8000/readyz": Check(partial(effects.answers, "ready")),
    "curl -s http://127.0.0.1:8000/look/state.json": Check(effects.shows_bookings),
    'grep -rnE "otificationService import|otification_service import" app --include=*.py': Check(
        effects.lists_the_callers
    ),
    'grep -rlE "^from shim|^import shim" app --include=*.py': Check(
        effects.lists_who_knows_the_shim
    ),
    "for kind in farming boost referral mission daily_bonus withdrawal deposit purchase correction"
    " airdrop; do curl -s"
    ' -H "Content-Type: application/json" -d "{\\"user\\": 31, \\"kind\\": \\"$kind\\"}"'
    " http://127.0.0.1:8000/look/reward; done": Check(effects.books_every_reward),
}
