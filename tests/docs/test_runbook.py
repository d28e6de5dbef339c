"""What the runbook says of log lines, words, files and exit codes is complete and so."""

import ast
import fnmatch
import inspect
import re

import click
import pytest

from app.cli_orders import UNCONFIRMED
from app.cli_replay import CannotReplay
from app.cli_rollout import NOBODY_THERE, rollout
from app.cli_shadow import shadow
from app.cli_unleash import unleash
from app.notifications.close_codes import CloseCode
from app.notifications.service import BalanceNotifications
from app.replay_words import EXIT_CODES
from app.web.admission import Why
from app.web.init_data import Flaw
from app.web.tokens import TokenFlaw
from flags.decision import CANONICAL_FLAG, FARMING_INCOME, SHADOW_FLAG, Reason
from flags.stage import Stage
from shim.report import Verdict
from shim.shadow.activity import Activity
from shim.shadow.differences import DifferenceKind
from shim.shadow.latency import LatencyClass
from shim.shadow.result import Comparison, NotCompared
from tests.docs.demonstration import Demonstration, eventually
from tests.docs.documents import (
    DOCUMENTS,
    RUNBOOK,
    blocks,
    commands,
    marked,
    table,
    tables,
    text_of,
    without_folder,
)
from tests.docs.events import service_events, shadow_events


def first_column(*header: str, number: int = 0) -> list[str]:
    """Return what stands in code marks in the first cells of a table."""
    return [marked(row[0]) for row in tables(RUNBOOK, *header)[number]]


@pytest.mark.parametrize(("number", "events"), [(0, shadow_events()), (1, service_events())])
def test_every_log_line_is_explained_and_no_other(number: int, events: set[str]) -> None:
    """The names in the code and in the table of each log are the same."""
    explained = first_column("event", "meaning", "what to do", number=number)
    assert sorted(explained) == sorted(events)


def test_every_word_of_the_report_is_explained_and_no_other() -> None:
    """Comparisons, verdicts, and the reasons why something was not compared."""
    assert first_column("comparison", "question") == list(Comparison)
    assert first_column("verdict", "meaning") == list(Verdict)
    reasons, not_compared = (first_column("reason", "meaning", number=n) for n in (0, 1))
    assert sorted(not_compared) == sorted(NotCompared)
    assert sorted(reasons) == sorted([*Reason, Stage.ROLLED_BACK])


def test_every_kind_of_difference_is_explained_and_no_other() -> None:
    """With the classes of latency, which a difference of that kind shows as its values."""
    assert first_column("kind", "meaning") == list(DifferenceKind)
    text = " ".join(text_of(RUNBOOK).split())
    assert [word for word in LatencyClass if f"`{word}`" not in text] == []


def test_every_class_of_activity_is_explained_and_no_other() -> None:
    """They are named in the report and the ledger."""
    assert first_column("activity", "meaning") == list(Activity)


def test_exit_codes_are_those_of_the_command() -> None:
    """0, the codes that the command line has, and click's own for a mistyped command."""
    codes = {int(row[0]) for row in table(RUNBOOK, "exit code", "meaning", "what to do")}
    assert codes == {0, UNCONFIRMED, NOBODY_THERE, click.UsageError.exit_code}


def test_every_finding_of_a_replay_is_explained_with_its_exit_code() -> None:
    """All of them, and the code for there being nothing to run."""
    rows = table(RUNBOOK, "exit code", "finding", "meaning")
    told = {marked(finding): int(code) for code, finding, _ in rows if finding != "nothing"}
    assert told == EXIT_CODES
    assert [int(code) for code, finding, _ in rows if finding == "nothing"] == [
        CannotReplay.exit_code
    ]


def test_every_command_of_the_command_line_is_run_by_a_document() -> None:
    """Nothing that an operator could type is left out."""
    run = [f"{without_folder(command)} " for each in DOCUMENTS for command in commands(each)]
    for group in (rollout, shadow, unleash):
        for leaf in leaves(group, f"flask {group.name}"):
            assert any(command.startswith(f"{leaf} ") for command in run), leaf


def leaves(command: click.Command, path: str) -> list[str]:
    """Return the full names of the commands in a group."""
    if not isinstance(command, click.Group):
        return [path]
    return [
        leaf for name, each in command.commands.items() for leaf in leaves(each, f"{path} {name}")
    ]


def test_the_standard_signature_is_that_of_the_canonical() -> None:
    """Names and parameters, of every public method but those that the shim alone uses."""
    [block] = blocks(RUNBOOK, "python")
    [written] = ast.parse(block).body
    assert isinstance(written, ast.ClassDef)
    assert written.name == BalanceNotifications.__name__
    for method in written.body:
        assert isinstance(method, ast.FunctionDef)
        real = inspect.signature(getattr(BalanceNotifications, method.name)).parameters
        shown = [argument.arg for argument in [*method.args.args, *method.args.kwonlyargs]]
        assert shown == list(real), method.name


def test_the_four_questions_are_answered() -> None:
    """Each has a section, and each of these names a command."""
    answers = re.split(r"^## (?=\d\.)", text_of(RUNBOOK), flags=re.MULTILINE)[1:]
    assert [answer[:2] for answer in answers] == ["1.", "2.", "3.", "4."]
    assert all("```console\n$ " in answer for answer in answers)
    services = {
        *("WebSocket", "scheduler (farming)", "wallet", "user", "referral", "boost"),
        *("missions, daily bonus", "cache"),
    }
    header = ("service", "how it notifies", "what the page shows today", "risk", "what holds it")
    assert {row[0] for row in table(RUNBOOK, *header)} == services


@pytest.mark.processes
def test_files_of_an_instance_are_explained_and_no_other(live: Demonstration) -> None:
    """After a comparison and a rollback every file is there; without a worker it exits with 3."""
    live.set_flag(SHADOW_FLAG, 100)
    live.set_flag(CANONICAL_FLAG, 25)
    assert live.flask("rollout", "rollback").exit_code == 0
    accepted = "accept it --comparison saying --path values --kind value --until 2036-12-31"
    for of in ((), ("--migration", FARMING_INCOME.migration)):
        accept = (*accepted.split(), *of, "--reason", "'trying it out'")
        done = live.flask("shadow", "known", *accept)
        assert done.exit_code == 0, done.said
    eventually((live.instance / "log.key").exists, "something was compared")
    explained = [mark for row in table(RUNBOOK, "file", "what it is") for mark in marks(row)]
    patterns = [mark.replace("PID", "[0-9]*").replace("HOST", "*") for mark in explained]
    for path in (path for path in live.instance.rglob("*") if path.is_file()):
        name = path.relative_to(live.instance).as_posix()
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name
    for pattern in patterns:
        assert list(live.instance.glob(pattern)), f"there is no {pattern}"
    live.stop()
    assert not list(live.instance.glob("run/worker-*.json"))
    assert live.flask("rollout", "rollback").exit_code == NOBODY_THERE


def marks(row: list[str]) -> list[str]:
    """Return the file names in a row: the first cell's, and those that go with it."""
    return [marked(row[0]), *re.findall(r"`(app\.db-\w+)`", row[1])]


def test_every_close_code_and_every_reason_is_explained_and_no_other() -> None:
    """What a page, a log line or a count may say stands in a table."""
    codes = {int(row[0]) for row in table(RUNBOOK, "close code", "meaning")}
    assert codes == set(CloseCode)
    assert sorted(first_column("why", "meaning")) == sorted([*Why, *Flaw, *TokenFlaw])
