"""What a command must have done, looked at from outside: files, HTTP, and the open pages."""

import json
import re
from pathlib import Path
from typing import Any

from app.replay_words import EXIT_CODES
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from shim.balance.known import SHIPPED_IDS
from shim.known_store import KnownFile
from shim.replay.finding import Finding
from shim.report import Verdict, read_logs
from tests.docs.demonstration import Demonstration, Done, eventually
from tests.docs.documents import RUNBOOK, marked, table

SHOWN_USER = 74
REWARD_SOURCES = {
    *("UNI_farming_income", "boost_income", "referral_reward"),
    *("mission", "daily_bonus", "withdrawal"),
    *("WalletService.processTonDeposit", "subtractBalance", "setBalance", "addBalance"),
}


def succeeded(done: Done) -> None:
    """Expect exit code 0."""
    assert done.exit_code == 0, done.said


def confirmed(live: Demonstration, done: Done) -> None:
    """Expect exit code 0, and the worker named as confirmed."""
    succeeded(done)
    assert f"worker {live.worker} confirmed after" in done.stdout, done.said


def pages_follow(live: Demonstration) -> None:
    """Expect the canonical to move the pages of the users it serves, and no others.

    A frame that was begun before the change may still arrive: it holds nothing that was
    booked after.
    """
    booked = {user: seen["version"] for user, seen in live.look().items()}
    served = {user for user, seen in live.look().items() if seen["side"] == "canonical"}

    def moved(user: int) -> bool:
        return max(live.pages[user].canonical_versions(), default=0) > booked[user]

    eventually(lambda: all(moved(user) for user in served), f"the pages of {served} move")
    eventually(
        lambda: all(seen["version"] > booked[user] + 1 for user, seen in live.look().items()),
        "income is booked for everybody",
    )
    others = {user for user in set(booked) - served if moved(user)}
    assert not others, f"the canonical spoke to {others}, whom legacy serves"


def stage_is(stage: str, live: Demonstration, done: Done) -> None:
    """Expect this stage of flags and latch, of the worker, and on the pages."""
    confirmed(live, done)
    assert live.get("/readyz")["stage"] == stage, done.said
    pages_follow(live)


def rolled_back_by_a_file(live: Demonstration, done: Done) -> None:
    """Expect the worker to have rolled back and taken the file away, and the history to say so."""
    succeeded(done)
    eventually(lambda: live.get("/readyz")["stage"] == "rolled_back", "the worker follows the file")
    eventually(lambda: not (live.instance / "rollback").exists(), "the file is taken away")
    assert "a file  rollback" in live.flask("rollout", "history").stdout
    pages_follow(live)


def percentage_is(percent: int, live: Demonstration, done: Done, *, stage: str) -> None:
    """Expect the canonical to reach this percentage, at this stage."""
    stage_is(stage, live, done)
    assert live.flag(CANONICAL_FLAG).percentage == percent


def shadow_is(percent: int, live: Demonstration, done: Done) -> None:
    """Expect the shadow to be at this percentage, and the pages as before."""
    confirmed(live, done)
    shadow = live.flag(SHADOW_FLAG)
    assert shadow.enabled
    assert shadow.percentage == percent
    pages_follow(live)


def named(live: Demonstration, done: Done) -> None:
    """Expect the user in the cohort, and served by the canonical for that."""
    confirmed(live, done)
    assert SHOWN_USER in live.flag(CANONICAL_FLAG).cohort
    assert live.look()[SHOWN_USER]["reason"] == "cohort"
    pages_follow(live)


def lists_the_cohort(live: Demonstration, done: Done) -> None:
    """Expect the users in the cohort, one a line."""
    succeeded(done)
    cohort = live.flag(CANONICAL_FLAG).cohort
    assert cohort
    assert done.stdout.split() == [str(user) for user in sorted(cohort)], done.said


def unnamed(live: Demonstration, done: Done) -> None:
    """Expect the user not to be in the cohort."""
    confirmed(live, done)
    assert SHOWN_USER not in live.flag(CANONICAL_FLAG).cohort
    pages_follow(live)


def switched_off(live: Demonstration, done: Done) -> None:
    """Expect both flags to be off: legacy serves everybody, and nothing shadows."""
    stage_is("off", live, done)
    assert not live.flag(CANONICAL_FLAG).enabled
    assert not live.flag(SHADOW_FLAG).enabled


def shows_the_status(live: Demonstration, done: Done) -> None:
    """Expect the stage that the service follows, and the worker to be named."""
    succeeded(done)
    assert f"stage      {live.get('/readyz')['stage']}\n" in done.stdout, done.said
    assert f"worker     {live.worker} live, follows" in done.stdout, done.said


def says_why(live: Demonstration, done: Done) -> None:
    """Expect the worker to say who serves the user, and what its page was sent last."""
    succeeded(done)
    seen = live.look()[SHOWN_USER]
    assert f"worker {live.worker}\n" in done.stdout, done.said
    for field in ("side", "reason", "bucket"):
        assert f"  {field}: {seen[field]}\n" in done.stdout, done.said
    [connections] = re.findall(r"^  connections: (.*)$", done.stdout, re.MULTILINE)
    [page] = json.loads(connections)
    assert page["open"], done.said
    if seen["side"] == "canonical":
        assert page["last_sent_by"] == "canonical", done.said
    elif not live.pages[SHOWN_USER].frames:
        assert page["last_sent_by"] is None, done.said


def reports_the_fault(live: Demonstration, done: Done) -> None:
    """Expect reach to differ as is known, and the canonical to say what is booked."""
    succeeded(done)

    def evidence() -> bool:
        report = read_logs((live.instance / "log").glob("shadow-*.jsonl"))
        reach, truth = report.comparisons["reach"], report.comparisons["truth"]
        assert reach.mismatched == truth.mismatched == 0, report
        verdicts = {report.verdict("reach"), report.verdict("truth")}
        return reach.known > 0 and report.matched["truth"] > 0 and verdicts == {Verdict.PASS}

    eventually(evidence, "reach is known to differ and truth matches")
    text = live.run(done.command).stdout
    assert re.search(r"^all +reach +pass ", text, re.MULTILINE), text
    assert re.search(r"^all +truth +pass ", text, re.MULTILINE), text
    assert "known as legacy-reaches-nobody" in text, text


def tails(live: Demonstration, done: Done, *, lines: int) -> None:
    """Expect as many lines of the shadow log as were asked for, soon the fault among them."""
    succeeded(done)
    assert len(done.stdout.splitlines()) == lines, done.said
    eventually(
        lambda: "reach (known: legacy-reaches-nobody)" in live.run(done.command).stdout,
        f"{done.command} shows the fault",
    )


def tails_json(_: Demonstration, done: Done) -> None:
    """Expect whole lines of the log, divergences or their counts among them."""
    succeeded(done)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(events) == 5, done.said
    assert {event["event"] for event in events} & {"divergence", "divergence_counts"}, done.said


def names_callers(live: Demonstration, done: Done) -> None:
    """Expect the ledger to count the fault, and to name the modules that called."""
    succeeded(done)

    def ledger() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(live.run(f"{done.command} --json").stdout)
        return told

    eventually(lambda: ledger()["groups"], "the ledger has a divergence")
    told = ledger()
    assert {"legacy-reaches-nobody"} <= {group["known"] for group in told["groups"]}, done.said
    modules = {Path(file).stem for file in planned_callers()}
    assert told["callers"].keys() <= modules, told
    for group in told["groups"]:
        assert group["callers"].keys() <= modules, group


def replays(_: Demonstration, done: Done) -> None:
    """Expect what diverged to diverge still, both sides shown, and the exit code for that."""
    assert done.exit_code == EXIT_CODES[Finding.STILL_DIVERGES], done.said
    assert done.stdout.startswith("still_diverges: "), done.said
    assert " | canonical" in done.stdout, done.said


def knows(id_: str | None, live: Demonstration, done: Done) -> None:
    """Expect what is accepted to be this and nothing else, in the file and in the status."""
    succeeded(done)
    kept = KnownFile(live.instance / "known.json").read()
    assert [each.id for each in kept] == ([id_] if id_ else []), done.said
    status = json.loads(live.run(".venv/bin/flask rollout status --json").stdout)
    names = [*SHIPPED_IDS, *([id_] if id_ else [])]
    assert [each["id"] for each in status["known"]] == names, status


def lists_known(_: Demonstration, done: Done) -> None:
    """Expect the fault to be listed as active, with how often it was met."""
    succeeded(done)
    assert re.search(r"^active +legacy-reaches-nobody .* met \d+ times", done.stdout), done.said


def shows_the_history(live: Demonstration, done: Done) -> None:
    """Expect every reason that was given, in order."""
    succeeded(done)
    assert live.reasons, "no command before gave a reason"
    places = [done.stdout.find(f"({reason})") for reason in live.reasons[-10:]]
    assert -1 not in places, done.said
    assert places == sorted(places), done.said


def answers(status: str, live: Demonstration, done: Done) -> None:
    """Expect JSON, soon with this status."""
    succeeded(done)
    eventually(
        lambda: json.loads(live.run(done.command).stdout)["status"] == status,
        f"{done.command} answers {status}",
    )


def shows_bookings(live: Demonstration, done: Done) -> None:
    """Expect each user's version, which grows."""
    succeeded(done)
    before = {user["id"]: user["version"] for user in json.loads(done.stdout)["users"]}
    eventually(
        lambda: all(seen["version"] > before[user] for user, seen in live.look().items()),
        "every user's version grows",
    )


def books_every_reward(live: Demonstration, done: Done) -> None:
    """Expect each kind of reward to be booked once, for the user that was asked for."""
    succeeded(done)
    booked = [json.loads(line) for line in done.stdout.splitlines()]
    assert {each["source"] for each in booked} == REWARD_SOURCES, done.said
    assert {each["user"] for each in booked} == {31}, done.said
    versions = [each["version"] for each in booked]
    assert versions == sorted(set(versions)), done.said
    assert live.look()[31]["version"] >= versions[-1]


def lists_the_callers(_: Demonstration, done: Done) -> None:
    """Expect the callers that the runbook's plan changes."""
    succeeded(done)
    files = {line.split(":")[0] for line in done.stdout.splitlines()}
    assert files == planned_callers()


def lists_who_knows_the_shim(_: Demonstration, done: Done) -> None:
    """Expect the files of the runbook's plan, without those callers."""
    succeeded(done)
    ours = {file for file in planned() if file.startswith("app/")}
    assert set(done.stdout.split()) == ours - planned_callers()


def planned() -> dict[str, str]:
    """Return what the runbook says becomes of each file."""
    return {marked(file): what for file, what in table(RUNBOOK, "file", "what becomes of it")}


def planned_callers() -> set[str]:
    """Return the files that the plan hands the canonical to."""
    return {file for file, what in planned().items() if what.startswith(("is handed", "the same"))}


def tests_pass(number: int, _: Demonstration, done: Done) -> None:
    """Expect so many tests or more, all passed."""
    succeeded(done)
    [passed] = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= number, done.said


def everybody_is_served(live: Demonstration) -> None:
    """Let the canonical serve everybody, so that there is something to roll back."""
    live.set_flag(SHADOW_FLAG, 100)
    live.set_flag(CANONICAL_FLAG, 100)
    pages_follow(live)


def everybody_is_served_again(live: Demonstration) -> None:
    """End the rollback that is in force, and let the canonical serve everybody."""
    done = live.flask("rollout", "resume", "--reason", "'something else is tried'")
    assert done.exit_code == 0, done.said
    everybody_is_served(live)


def worker_is_frozen(live: Demonstration) -> None:
    """Stop the worker: a rollback then names it and exits with 1."""
    pid = live.freeze()
    done = live.flask("rollout", "rollback", "--reason", "'a worker is stopped'")
    assert done.exit_code == 1, done.said
    assert f"worker {pid} has not confirmed" in done.stderr, done.said


def worker_goes_on(live: Demonstration, done: Done) -> None:
    """Expect the same worker to follow, and to confirm a rollback."""
    succeeded(done)
    pid = live.worker
    eventually(live.is_followed, "the worker follows again")
    assert live.worker == pid
    succeeded(live.flask("rollout", "rollback", "--reason", "'once more'"))


def worker_is_replaced(live: Demonstration, done: Done) -> None:
    """Expect another worker, which follows and confirms a rollback, with the pages on it."""
    succeeded(done)
    eventually(live.is_followed, "another worker follows")
    assert str(live.worker) not in done.command
    succeeded(live.flask("rollout", "rollback", "--reason", "'and again'"))
    live.await_pages()
    assert live.get("/readyz")["stage"] == "rolled_back"
