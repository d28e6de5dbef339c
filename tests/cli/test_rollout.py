"""`flask rollout` on an instance folder: what each command changes, shows and refuses."""

import getpass
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.files import locked
from tests.cli.conftest import CommandLine


def test_a_new_instance_is_off(flask_rollout: CommandLine) -> None:
    """Without a worker running the status is read from the files."""
    status = flask_rollout.json("status")
    assert (status["stage"], status["verified"], status["workers"]) == ("off", True, [])
    assert status["latch"]["engaged"] is False
    text = flask_rollout("status").stdout
    assert "stage      off\n" in text
    assert "latch      open, never engaged\n" in text
    assert "workers    none is running" in text


def test_the_stages_follow_the_commands(flask_rollout: CommandLine) -> None:
    """Each command leads to its stage, on and back."""
    for arguments, stage in (
        (("shadow", "100"), "shadow"),
        (("cohort", "add", "7"), "ramp"),
        (("set", "50", "--force", "--reason", "a leap"), "ramp"),
        (("set", "100", "--force", "--reason", "a leap"), "complete"),
        (("off",), "off"),
        (("shadow", "100"), "shadow"),
        (("set", "1"), "ramp"),
    ):
        assert flask_rollout(*arguments).exit_code == 0
        assert flask_rollout.json("status")["stage"] == stage


def test_set_tells_both_sides_and_that_nobody_is_there(flask_rollout: CommandLine) -> None:
    """The summary has flag, before, after and revision; without a worker that is said."""
    result = flask_rollout("set", "25", "--force", "--reason", "a leap")
    assert result.exit_code == 0
    assert f"{CANONICAL_FLAG}: 0 % -> 25 % (revision 2)" in result.stdout
    assert "there is no live worker: this holds for those that start" in result.stderr
    assert "the shadow is at 0 %: run `flask rollout shadow 100`" in result.stderr
    change = flask_rollout.json("shadow", "100")
    assert change["to"] == {"enabled": True, "percentage": 100, "cohort": []}
    assert (change["flag"], change["revision"]) == (SHADOW_FLAG, 3)


@pytest.mark.parametrize("command", ["set", "shadow"])
@pytest.mark.parametrize(
    "value", ["101", "-1", "12.5", "abc", "", " 5", "05", "1e1", "50%", "\u0665", "--", "true"]
)
def test_what_is_no_percentage_is_a_usage_error(
    flask_rollout: CommandLine, command: str, value: str
) -> None:
    """The flag file is untouched, the message shows the value, the exit code is 2."""
    before = (flask_rollout.instance / "flags.json").read_bytes()
    result = flask_rollout(command, value)
    assert result.exit_code == 2
    if value != "--":
        assert f"{value!a} is not a percentage: give a whole number from 0 to 100" in result.stderr
    assert (flask_rollout.instance / "flags.json").read_bytes() == before


def test_resume_takes_no_silly_percentage_either(flask_rollout: CommandLine) -> None:
    """`--at` is held to the same rule."""
    flask_rollout("rollback")
    result = flask_rollout("resume", "--at", "-5", "--reason", "over")
    assert result.exit_code == 2
    assert "'-5' is not a percentage" in result.stderr
    assert flask_rollout.latch.engaged


@pytest.mark.parametrize("command", [("cohort", "add"), ("cohort", "remove"), ("why",)])
@pytest.mark.parametrize("value", ["07", " 7 ", "7.0", "None", "0", "", "9007199254740992"])
def test_what_is_no_user_id_is_a_usage_error(
    flask_rollout: CommandLine, command: tuple[str, ...], value: str
) -> None:
    """The message shows the value and says what an id looks like."""
    result = flask_rollout(*command, value)
    assert result.exit_code == 2
    assert f"{value!a} is not a user id" in result.stderr


@pytest.mark.parametrize("command", [("cohort", "add"), ("why",)])
def test_an_unknown_user_is_a_usage_error(
    flask_rollout: CommandLine, command: tuple[str, ...]
) -> None:
    """A number that nobody has is refused by name; nothing is written."""
    result = flask_rollout(*command, "8")
    assert result.exit_code == 2
    assert "there is no user 8" in result.stderr
    assert flask_rollout.flag().cohort == frozenset()


def test_a_database_that_is_away_keeps_nobody_from_moving_users(
    flask_rollout: CommandLine,
) -> None:
    """At night with the database down the commands still work, and say what they left out."""
    (flask_rollout.instance / "app.db").unlink()
    result = flask_rollout("cohort", "add", "8")
    assert result.exit_code == 0
    assert "whether user 8 exists could not be looked up" in result.stderr
    assert flask_rollout.flag().cohort == {8}


def test_whoever_is_not_in_the_cohort_cannot_be_removed_unnoticed(
    flask_rollout: CommandLine,
) -> None:
    """The members are said, so that a slip of the hand is seen."""
    flask_rollout("cohort", "add", "7")
    done = flask_rollout("cohort", "remove", "9")
    assert done.exit_code == 0
    assert "note: user 9 was not in the cohort, which has 7;" in done.stderr
    assert "was not in the cohort" not in flask_rollout("cohort", "remove", "7").stderr
    assert "which has nobody;" in flask_rollout("cohort", "remove", "7").stderr


def test_the_cohort_is_listed(flask_rollout: CommandLine) -> None:
    """Users come in order, as lines or as JSON; removing one that is gone is no error."""
    for command in ("add", "remove", "remove", "add"):
        assert flask_rollout("cohort", command, "9").exit_code == 0
    flask_rollout("cohort", "add", "7")
    assert flask_rollout("cohort", "list").stdout == "7\n9\n"
    assert flask_rollout.json("cohort", "list") == [7, 9]
    assert "canonical  0 % and users 7, 9\n" in flask_rollout("status").stdout


def test_a_user_named_while_the_flag_is_off_is_not_reached_and_that_is_said(
    flask_rollout: CommandLine,
) -> None:
    """Naming somebody switches nothing on."""
    flask_rollout("off")
    result = flask_rollout("cohort", "add", "7")
    assert "the flag is off and reaches nobody" in result.stderr
    assert flask_rollout.json("status")["stage"] == "off"


def test_a_rollback_without_workers_sets_the_latch_and_exits_3(
    flask_rollout: CommandLine,
) -> None:
    """Nobody confirmed, nobody was there to: that is a code of its own."""
    flask_rollout("set", "50", "--force", "--reason", "a leap")
    result = flask_rollout("rollback", "--by", "ann", "--reason", "the guard said so")
    assert result.exit_code == 3
    assert "there is no live worker: this holds for those that start" in result.stderr
    latch = flask_rollout.latch
    assert (latch.engaged, latch.who, latch.why) == (True, "ann", "the guard said so")
    assert flask_rollout.json("status")["stage"] == "rolled_back"
    assert "latch      engaged, epoch 1, by ann at " in flask_rollout("status").stdout


def test_a_percentage_set_while_rolled_back_moves_nobody_and_says_so(
    flask_rollout: CommandLine,
) -> None:
    """The latch outranks the flags, and the command points at the way on."""
    flask_rollout("rollback")
    result = flask_rollout("set", "50", "--force", "--reason", "a leap")
    assert "legacy goes on serving: see `flask rollout resume`" in result.stderr
    assert flask_rollout.json("status")["stage"] == "rolled_back"


def test_resume_begins_at_one_percent(flask_rollout: CommandLine) -> None:
    """However far the rollout was, it starts over small, under a higher epoch."""
    flask_rollout("shadow", "100")
    flask_rollout("set", "80", "--force", "--reason", "a leap")
    flask_rollout("rollback")
    resumed = flask_rollout.json("resume", "--reason", "repaired")
    assert (resumed["latch"]["epoch"], resumed["latch"]["engaged"]) == (2, False)
    assert flask_rollout.flag().percentage == 1
    assert flask_rollout.json("status")["stage"] == "ramp"


def test_resume_begins_where_it_is_told_to(flask_rollout: CommandLine) -> None:
    """`--at` sets the percentage that the rollout goes on with."""
    flask_rollout("set", "25", "--force", "--reason", "a leap")
    flask_rollout("rollback")
    assert flask_rollout("resume", "--at", "30", "--reason", "repaired").exit_code == 0
    assert flask_rollout.flag().percentage == 30


def test_resume_goes_no_further_than_the_step_after_what_was_rolled_back(
    flask_rollout: CommandLine,
) -> None:
    """A rollback is no way around the ramp: further takes --force, and nothing moves without."""
    flask_rollout("set", "5", "--force", "--reason", "a leap")
    flask_rollout("rollback")
    refused = flask_rollout("resume", "--at", "25", "--reason", "repaired")
    assert refused.exit_code == 1
    assert "it is at 5 %, and the next step of the ramp is 10 %" in refused.output
    assert flask_rollout.flag().percentage == 5
    assert flask_rollout.latch.engaged
    assert flask_rollout("resume", "--at", "10", "--reason", "repaired").exit_code == 0
    assert flask_rollout.flag().percentage == 10
    flask_rollout("rollback")
    leap = ("resume", "--at", "100", "--force")
    assert flask_rollout(*leap).exit_code == 2
    assert flask_rollout(*leap, "--reason", "it was somebody else's").exit_code == 0
    assert flask_rollout.flag().percentage == 100


@pytest.mark.parametrize("reason", [(), ("--reason", "  ")])
def test_resume_wants_a_reason(flask_rollout: CommandLine, reason: tuple[str, ...]) -> None:
    """Moving on after a rollback is not done without saying why."""
    flask_rollout("rollback")
    assert flask_rollout("resume", *reason).exit_code == 2
    assert flask_rollout.latch.engaged


def test_resume_without_a_rollback_changes_nothing(flask_rollout: CommandLine) -> None:
    """It would otherwise cut a running rollout down to 1 %."""
    flask_rollout("set", "80", "--force", "--reason", "a leap")
    result = flask_rollout("resume", "--reason", "by mistake")
    assert result.exit_code == 1
    assert "there is nothing to resume" in result.stderr
    assert flask_rollout.flag().percentage == 80


def test_history_tells_who_when_what_why_from_and_to(flask_rollout: CommandLine) -> None:
    """Every change is there in order, a resume with both of its steps."""
    flask_rollout("set", "25", "--force", "--by", "ann", "--reason", "first users")
    flask_rollout("cohort", "add", "7", "--by", "bob")
    flask_rollout("rollback", "--by", "ann", "--reason", "drill")
    flask_rollout("resume", "--by", "ann", "--reason", "drill over")
    flask_rollout("off")
    entries = flask_rollout.json("history")
    assert [(each["who"], each["what"], each["from"], each["to"]) for each in entries] == [
        ("ann", "set", "0 %", "25 %"),
        ("bob", "cohort add", "25 %", "25 % and user 7"),
        ("ann", "rollback", "ramp", "rolled_back"),
        ("ann", "set", "25 % and user 7", "1 % and user 7"),
        ("ann", "resume", "rolled_back", "ramp"),
        (getpass.getuser(), "off", "1 % and user 7; 0 %", "off; off"),
    ]
    assert entries[0]["why"] == "first users"
    assert datetime.fromisoformat(entries[0]["when"]).tzinfo is not None
    assert len(flask_rollout.json("history", "--limit", "2")) == 2
    assert "  ann  rollback: ramp -> rolled_back  (drill)\n" in flask_rollout("history").stdout


def test_reading_leaves_no_history(flask_rollout: CommandLine) -> None:
    """Looking and failing change nothing, so nothing is recorded."""
    for arguments in (("status",), ("history",), ("cohort", "list"), ("set", "x"), ("why", "7")):
        flask_rollout(*arguments)
    assert flask_rollout.json("history") == []


def test_a_history_that_cannot_be_written_undoes_nothing(flask_rollout: CommandLine) -> None:
    """A rollback holds although nobody could write it down, and that is said."""
    (flask_rollout.instance / "history.jsonl").mkdir()
    result = flask_rollout("rollback")
    assert "could not be written into the history" in result.stderr
    assert flask_rollout.latch.engaged


def test_a_torn_history_is_shown_as_far_as_it_goes(flask_rollout: CommandLine) -> None:
    """The lines that cannot be read are counted on the side."""
    (flask_rollout.instance / "history.jsonl").write_text('{"when": "20')
    flask_rollout("set", "5", "--force", "--reason", "a leap")
    result = flask_rollout("history")
    assert result.exit_code == 0
    assert "set: 0 % -> 5 %" in result.stdout
    assert "lines of the history that cannot be read: 1" in result.stderr


def test_a_history_that_cannot_be_read_is_an_error(flask_rollout: CommandLine) -> None:
    """The system's reason is shown, without a traceback."""
    (flask_rollout.instance / "history.jsonl").mkdir()
    result = flask_rollout("history")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


def test_a_broken_flag_file_is_shown_and_not_overwritten(flask_rollout: CommandLine) -> None:
    """`status` tells the problem, `set` refuses to guess, `rollback` works all the same."""
    file = flask_rollout.instance / "flags.json"
    file.write_text("<html>")
    assert f"problem    the flag file {file} cannot be applied" in flask_rollout("status").stdout
    result = flask_rollout("set", "5", "--force", "--reason", "a leap")
    assert result.exit_code == 1
    assert "mend the file, or move it away" in result.stderr
    assert flask_rollout("cohort", "list").exit_code == 1
    assert file.read_text() == "<html>"
    assert flask_rollout("rollback").exit_code == 3
    assert flask_rollout.latch.engaged


def test_a_broken_latch_file_holds_everybody_and_can_be_written_anew(
    flask_rollout: CommandLine,
) -> None:
    """`status` says that it is engaged and why; `rollback` and `resume` mend it."""
    file = flask_rollout.instance / "latch.json"
    file.write_text("{")
    status = flask_rollout.json("status")
    assert status["stage"] == "rolled_back"
    assert str(file) in status["latch"]["problems"][0]
    flask_rollout("rollback")
    assert json.loads(file.read_text())["engaged"] is True
    file.write_text("{")
    assert flask_rollout("resume", "--reason", "looked at it").exit_code == 0
    assert not flask_rollout.latch.engaged


def test_a_latch_that_cannot_be_written_is_an_error(flask_rollout: CommandLine) -> None:
    """Exit 1 with the file's name: the one thing that a rollback must never do is pretend."""
    (flask_rollout.instance / "latch.json").mkdir()
    result = flask_rollout("rollback")
    assert result.exit_code == 1
    assert "latch.json cannot be written" in result.stderr


def test_why_without_a_worker_is_told_from_the_files(flask_rollout: CommandLine) -> None:
    """Side, reason, bucket, revision, stage and latch, and on whose word."""
    flask_rollout("cohort", "add", "7")
    result = flask_rollout("why", "7")
    assert result.exit_code == 0
    assert "by the flag file and the latch alone" in result.stdout
    for line in ("side: canonical", "reason: cohort", "flag revision: 2", "stage: ramp"):
        assert f"  {line}\n" in result.stdout
    flask_rollout("rollback")
    told = flask_rollout.json("why", "7")
    assert (told["user"], told["workers"], told["unanswered"]) == (7, {}, [])
    assert (told["from_files"]["side"], told["from_files"]["reason"]) == ("legacy", "rolled_back")
    assert 1 <= told["from_files"]["bucket"] <= 100


def test_what_people_type_is_kept_on_one_line(flask_rollout: CommandLine) -> None:
    """A reason with line breaks or broken characters is stored so that it can be shown."""
    flask_rollout("set", "5", "--force", "--by", " ann\n", "--reason", "a\nb \udcff c")
    (entry,) = flask_rollout.json("history")
    assert (entry["who"], entry["why"]) == ("ann", "a b ? c")


def test_the_log_stays_out_of_the_output(flask_rollout: CommandLine) -> None:
    """JSON on standard output is JSON and nothing else, on good and on bad files."""
    (flask_rollout.instance / "flags.json").write_text("{")
    (flask_rollout.instance / "latch.json").write_text("{")
    result = flask_rollout("status", "--json")
    json.loads(result.stdout)
    assert result.stderr == ""


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(percent=st.integers(0, 100))
def test_every_percentage_arrives(flask_rollout: CommandLine, percent: int) -> None:
    """Each whole number from 0 to 100 is in the file after it was set."""
    assert flask_rollout("set", str(percent), "--force", "--reason", "a leap").exit_code == 0
    assert flask_rollout.flag().percentage == percent


def test_a_writer_that_hangs_is_named(
    flask_rollout: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A flag file that somebody else holds is an error, not an endless wait."""
    monkeypatch.setattr("flags.admin.LOCK_TIMEOUT_S", 0.01)
    with locked(tmp_path / "flags.json"):
        result = flask_rollout("set", "5", "--force", "--reason", "a leap")
    assert result.exit_code == 1
    assert "is held by another process" in result.stderr
