"""The guard in the whole application: it trips, says why, goes on counting, and is practised."""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.adapters.guard_sql import SqlGuardStore
from app.errors import DatabaseUnavailable
from app.guard_looks import GuardAlone, GuardOverAll, Watched
from app.guarding import webhook_key
from app.secret import signing_key
from app.settings import Settings
from app.settings_guard import GuardSettings
from flags.decision import BALANCE_NOTIFICATIONS
from shim.guard.judging import Guarded
from shim.guard.limits import GuardLimits
from shim.guard.plan import Criteria
from tests.application import Built, until
from tests.guard.receiver import receiving
from tests.guard.stage import WRONG_BALANCE, Turncoat, farm, served

NAME = BALANCE_NOTIFICATIONS.migration


Start = Callable[..., Built]


@pytest.fixture
def start(settings: Settings, seeded: bytes) -> Iterator[Start]:
    """Return what starts an application with one page open, everybody served by the canonical."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    with ExitStack() as stack:

        def make(guard: GuardSettings | None = None, *, percentage: int = 100) -> Built:
            chosen = replace(settings, guard=guard or GuardSettings())
            return stack.enter_context(served(chosen, percentage=percentage))

        yield make


def guard_of(built: Built) -> Any:
    """Return what the status says of the guard."""
    return json.loads(built.run("rollout", "status", "--json").stdout)["guard"]


def harms(built: Built) -> int:
    """Return how many wrong amounts this worker counted."""
    cells = built.parts.shadowing.evidence.counters()
    return sum(n for cell, n in cells.items() if cell.what == "harm:wrong_amount")


def history(built: Built) -> list[Any]:
    """Return the entries of the guard and of drills."""
    entries = built.parts.history.read().entries
    return [each for each in entries if each.who == "guard" or each.what == "drill"]


def test_one_wrong_amount_rolls_everybody_back_and_says_why(start: Start) -> None:
    """Latch, log, history, status and webhook have the reason; a person and a reason resume."""
    with receiving([]) as receiver, capture_logs() as logs:
        built = start(GuardSettings(webhook=receiver.url))
        farm(built)
        assert not built.parts.kill_switch.latch.engaged
        Turncoat.bad = True
        farm(built, first=1)
        until(lambda: built.parts.kill_switch.latch.engaged, within=5)
        assert receiver.wait(1)
        notice = json.loads(receiver.got[0][1])
        latch = built.parts.kill_switch.latch
        assert latch.who == "guard"
        assert re.fullmatch(f"{NAME}: {WRONG_BALANCE}", latch.why), latch.why
        [(mark, seen)] = notice["divergences"].items()
        assert (notice["event"], notice["limit"]) == ("guard_tripped", "wrong_amount")
        assert seen["count"] == 1
        assert "divergence" in seen["sample"]
        assert mark in latch.why
        assert notice["reason"] == latch.why.removeprefix(f"{NAME}: ")
        assert notice["ruling"].startswith("wrong_amount: 1 seen, 0 borne")
        [entry] = history(built)
        assert (entry.what, entry.before, entry.after) == ("rollback", "complete", "rolled_back")
        assert [log["limit"] for log in logs if log["event"] == "guard_tripped"] == ["wrong_amount"]
        assert receiver.url not in str(logs)
        status = json.loads(built.run("rollout", "status", "--json").stdout)
        assert (status["stage"], status["latch"]["why"]) == ("rolled_back", latch.why)
        for told in (status["guard"], plan(built)["guard"]):
            assert (told["state"], told["reason"]) == ("breached", notice["reason"])
            assert told["at"] == latch.when.isoformat(timespec="seconds")
        assert f"guard      breached, at {told['at']}: wrong balance: " in (
            built.run("rollout", "plan").output
        )
        until(lambda: built.parts.stage() == "rolled_back")
        farm(built, 2, first=2)
        assert harms(built) >= 2, "it goes on counting"
        assert [entry.what for entry in history(built)] == ["rollback"], "it trips once"
        assert built.run("rollout", "resume").exit_code == 2
        Turncoat.bad = False
        assert (
            built.run("rollout", "resume", "--at", "100", "--reason", "it was repaired").exit_code
            == 0
        )
        farm(built, 3, first=4)
        until(lambda: guard_of(built)["state"] == "inconclusive")
        assert not built.parts.kill_switch.latch.engaged, (
            "what was before the resume is not counted"
        )


def test_a_trip_that_no_store_takes_is_told_as_such(start: Start, settings: Settings) -> None:
    """Notice, log and history say that one worker alone follows, and why; none says 'tripped'."""
    with receiving([]) as receiver, capture_logs() as logs:
        built = start(GuardSettings(webhook=receiver.url))
        lock = settings.latch_file.with_name("latch.json.lock")
        lock.unlink(missing_ok=True)
        os.mkfifo(lock)
        Turncoat.bad = True
        farm(built)
        assert receiver.wait(1)
        notice = json.loads(receiver.got[0][1])
        assert notice["event"] == "guard_trip_not_shared"
        assert "latch.json.lock" in notice["error"]
        assert notice["reason"].startswith("wrong balance: ")
        [entry] = history(built)
        assert entry.why.endswith("(no store took it: one worker follows, the others do not)")
        events = [log["event"] for log in logs]
        assert "guard_tripped" not in events
        assert events.count("guard_trip_not_shared") == 1
        assert built.parts.kill_switch.latch.engaged


def test_a_receiver_is_not_given_the_key_that_signs_sessions(settings: Settings) -> None:
    """What checks a notice is a key of its own: the one that is set, or one that only follows."""
    one = replace(settings, secret_key="one key of all hosts" * 2)
    assert webhook_key(one) == webhook_key(replace(one, instance_path=settings.instance_path / "x"))
    assert signing_key(one) not in webhook_key(one)
    assert webhook_key(one) != webhook_key(replace(one, secret_key="another key" * 4))
    own = replace(one, guard=GuardSettings(webhook_key="a key of the receiver's own, shared"))
    assert webhook_key(own) == b"a key of the receiver's own, shared"


def test_a_webhook_that_hangs_keeps_nobody_waiting(start: Start) -> None:
    """Everybody is on legacy while its receiver still thinks, and it is told all the same."""
    hangs = threading.Event()
    with receiving([], hangs=hangs) as receiver:
        built = start(GuardSettings(webhook=receiver.url))
        Turncoat.bad = True
        farm(built)
        until(lambda: built.parts.stage() == "rolled_back", within=5)
        until(lambda: [entry.what for entry in history(built)] == ["rollback"])
        assert not receiver.got
        hangs.set()
        assert receiver.wait(1)


def test_at_the_stage_shadow_it_says_so_and_touches_nothing(start: Start) -> None:
    """Nobody is served by the canonical: there is nothing to take back."""
    with capture_logs() as logs:
        built = start(percentage=0)
        Turncoat.bad = True
        farm(built, 2)
        # Before any command is run here: while one is, this process logs nothing.
        until(lambda: any(log["event"] == "guard_breached" for log in logs))
        until(lambda: guard_of(built)["state"] == "breached")
        assert not built.parts.kill_switch.latch.engaged
    said = [log for log in logs if log["event"] == "guard_breached"]
    assert {log["stage"] for log in said} == {"shadow"}
    advance = built.run("rollout", "advance")
    assert advance.exit_code == 1
    assert "the guard says breached: wrong_amount" in advance.output


def test_a_worker_trips_by_its_own_counts_while_the_database_is_away(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger cannot be read or written: what the worker counted itself is enough."""
    built = start()
    farm(built)

    def away(*_: object, **__: object) -> Any:
        raise DatabaseUnavailable("the database is away")

    for name in ("read", "totals", "write", "sample"):
        monkeypatch.setattr(SqlGuardStore, name, away)
    monkeypatch.setattr(type(built.parts.ledger), "add", away)
    Turncoat.bad = True
    farm(built, first=1)
    until(lambda: built.parts.kill_switch.latch.engaged, within=5)
    assert re.search(WRONG_BALANCE, built.parts.kill_switch.latch.why)


def test_a_drill_trips_resumes_as_it_was_and_counts_nowhere(start: Start) -> None:
    """Twice, too: the same users are served, its times stand in the history, no report has it."""
    built = start()
    farm(built, 3)
    before = built.parts.provider.state.digest
    for number in (1, 2):
        done = built.run("rollout", "drill", "--reason", "monthly", "--json")
        assert done.exit_code == 0, done.output
        times = json.loads(done.stdout)
        assert times["tripped_ms"] <= times["followed_ms"] <= times["resumed_ms"]
        assert times["workers"] == 1
        assert len(history(built)) == 2 * number
    built.parts.provider.poll()
    assert built.parts.provider.state.digest == before
    assert not built.parts.kill_switch.latch.engaged
    assert "tripped after" in history(built)[-1].after
    assert "drill" not in built.run("shadow", "ledger", "--json").stdout
    assert "drill" not in json.dumps(
        json.loads(built.run("rollout", "status", "--json").stdout)["ledger"]
    )
    until(lambda: guard_of(built)["state"] == "inconclusive")
    assert guard_of(built)["reason"].startswith("3 comparisons"), "a drill forgets nothing"


def test_a_drill_is_refused_where_nobody_could_be_rolled_back(start: Start) -> None:
    """At the stage shadow; and without a guard."""
    built = start(percentage=0)
    refused = built.run("rollout", "drill")
    assert refused.exit_code == 1
    assert "canonical serves nobody" in refused.output


def test_a_drill_without_a_guard_is_refused(start: Start) -> None:
    """It would wait for a trip that nobody makes."""
    refused = start(GuardSettings(on=False)).run("rollout", "drill")
    assert refused.exit_code == 1
    assert "switched off by SHIM_GUARD" in refused.output


def test_a_drill_that_does_not_trip_says_so(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is alive and trips on nothing: exit code 1, and everybody served as before."""
    built = start()
    farm(built)
    until(lambda: guard_of(built)["state"] == "inconclusive")
    monkeypatch.setattr("app.drill.TRIP_S", 0.5)
    for guard in (GuardAlone, GuardOverAll):
        monkeypatch.setattr(guard, "look", lambda *_: None)
    monkeypatch.setattr(Watched, "stage", property(lambda _: "shadow"))
    failed = built.run("rollout", "drill")
    assert failed.exit_code == 1
    assert "did not trip within 0.5 s" in failed.output
    assert not built.parts.kill_switch.latch.engaged


def test_the_plan_says_what_is_missing_and_advance_goes_one_step(start: Start) -> None:
    """By how much, and when it can be met; the next step once it is, and never two."""
    guard = GuardSettings(
        criteria=Criteria(seconds=0.0, calls=40),
        guarded=Guarded(GuardLimits(least=20)),
        steps=(1, 5, 100),
    )
    built = start(guard, percentage=1)
    farm(built, 10)
    until(lambda: built.run("rollout", "plan", "--json") and plan(built)["compared"])
    until(lambda: plan(built)["compared"] == {"batch_balance_processor": 10})
    told = plan(built)
    assert (told["percentage"], told["next"], told["ready"]) == (1, 5, False)
    [lacking] = told["missing"]
    assert (lacking["have"], lacking["need"]) == (10, 40)
    refused = built.run("rollout", "advance")
    assert refused.exit_code == 1
    assert "batch_balance_processor: 10 of 40 compared, 30 more" in refused.output
    leap = built.run("rollout", "set", "100")
    assert leap.exit_code == 1
    assert "the next step of the ramp is 5 %" in leap.output
    assert built.run("rollout", "set", "100", "--force").exit_code == 2
    farm(built, 30, first=10)
    until(lambda: plan(built)["ready"])
    done = built.run("rollout", "advance", "--reason", "all is met")
    assert done.exit_code == 0, done.output
    assert "1 % -> 5 %" in done.output
    again = built.run("rollout", "advance")
    assert again.exit_code == 1


def test_the_plan_is_never_ready_for_everybody_over_what_is_not_meant_to_stay(
    start: Start,
) -> None:
    """Neither shown as ready nor taken; the steps before the last one are not concerned."""
    guard = GuardSettings(
        criteria=Criteria(seconds=0.0, calls=1), guarded=Guarded(GuardLimits(least=1))
    )
    built = start(guard, percentage=50)
    blocked = "old-balance is known and not meant to stay"
    farm(built)
    until(lambda: plan(built)["ready"])
    accept_old_balance(built)
    assert (plan(built)["ready"], plan(built)["missing"]) == (False, [])
    refused = built.run("rollout", "advance")
    assert refused.exit_code == 1
    assert blocked in plan(built)["objection"]
    assert blocked in refused.output
    built.run("rollout", "set", "25")
    assert blocked not in (plan(built)["objection"] or "")


def test_whether_legacy_may_be_removed_is_said_with_everything_in_the_way(start: Start) -> None:
    """What was not compared long enough, what is known and not to stay, whatever stops counting."""
    guard = GuardSettings(
        criteria=Criteria(seconds=0.0, calls=5), guarded=Guarded(GuardLimits(least=5))
    )
    built = start(guard)
    farm(built)
    until(lambda: retirement(built)["callers"] == {"batch_balance_processor": 1})
    few, unsure = retirement(built)["in_the_way"]
    assert few == "batch_balance_processor: 1 of 5 compared, 4 more"
    assert unsure.startswith("the guard says inconclusive: ")
    farm(built, 5, first=1)
    until(lambda: retirement(built)["may_be_removed"])
    said = built.run("rollout", "retirement")
    assert said.exit_code == 0
    assert "batch_balance_processor calls by an old path: 6 compared at 100 %" in said.stdout
    accept_old_balance(built, "--stays")
    assert retirement(built)["may_be_removed"]
    built.run("shadow", "known", "end", "old-balance", "--reason", "a test")
    accept_old_balance(built)
    [known] = retirement(built)["in_the_way"]
    assert known.startswith("old-balance is known and not meant to stay")
    built.run("rollout", "shadow", "0")
    assert "the shadow is at 0 %: nothing is compared" in retirement(built)["in_the_way"]
    built.run("rollout", "set", "50")
    [stage, *_] = retirement(built)["in_the_way"]
    assert stage == "the stage is ramp: canonical does not serve everybody"
    built.run("rollout", "rollback")
    said = built.run("rollout", "retirement")
    assert said.exit_code == 1
    assert "in the way  the stage is rolled_back" in said.stdout
    assert said.stdout.endswith(f"{NAME}: legacy cannot be removed yet\n")


def retirement(built: Built) -> Any:
    """Return what is said of removing legacy."""
    return json.loads(built.run("rollout", "retirement", "--json").stdout)


def accept_old_balance(built: Built, *options: str) -> None:
    """Have a known divergence that is not meant to stay, unless the options say so."""
    rule = ("--comparison", "saying", "--path", "balance.ton", "--kind", "value")
    done = built.run(
        *("shadow", "known", "accept", "old-balance", *rule),
        *("--until", "2099-12-31", "--reason", "a test", *options),
    )
    assert done.exit_code == 0, done.output


def plan(built: Built) -> Any:
    """Return the plan."""
    done = built.run("rollout", "plan", "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_everybody_is_a_leap_until_the_last_step_of_the_ramp_may_be_taken(start: Start) -> None:
    """From 50 % to 100 % is one step, and half of all users: it takes what `advance` takes."""
    guard = GuardSettings(
        criteria=Criteria(seconds=0.0, calls=1), guarded=Guarded(GuardLimits(least=1))
    )
    built = start(guard, percentage=50)
    refused = built.run("rollout", "set", "100", "--reason", "in a hurry")
    assert refused.exit_code == 1
    assert "the last step of the ramp lacks " in refused.output
    assert "leap with --force and a --reason" in refused.output
    farm(built)
    until(lambda: plan(built)["ready"])
    built.run("rollout", "rollback")
    back = built.run("rollout", "resume", "--at", "100", "--reason", "in a hurry")
    assert (back.exit_code, "would be a leap" in back.output) == (1, True)
    assert built.run("rollout", "resume", "--at", "50", "--reason", "repaired").exit_code == 0


def test_the_last_step_is_set_by_hand_once_it_may_be_taken(start: Start) -> None:
    """What `advance` would do needs no --force."""
    guard = GuardSettings(
        criteria=Criteria(seconds=0.0, calls=1), guarded=Guarded(GuardLimits(least=1))
    )
    built = start(guard, percentage=50)
    farm(built)
    until(lambda: plan(built)["ready"])
    assert built.run("rollout", "set", "100").exit_code == 0
