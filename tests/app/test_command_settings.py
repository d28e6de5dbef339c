"""What commands do about settings that are wrong, and about a folder of no instance."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.command_settings import is_command, settings_for
from app.instances import instances_near
from app.settings import SettingsError
from flags.embedded import ensure_flag_file

ROOT = Path(__file__).parents[2]
ROLLBACK = ("flask", "rollout", "rollback")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """Return the folder of an instance that was prepared."""
    folder = tmp_path / "instance"
    ensure_flag_file(folder / "flags.json")
    return folder


@pytest.fixture
def command(instance: Path) -> Command:
    """Return what runs `flask rollout …` in a process of its own."""

    def run(*words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi:app", "rollout", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "SHIM_INSTANCE": str(instance), **environ},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def latch(folder: Path) -> bool:
    """Return whether the kill switch of a folder is engaged."""
    text = (folder / "latch.json").read_text()
    return bool(json.loads(text)["engaged"])


def test_a_rollback_is_done_whatever_settings_it_does_not_need(
    command: Command, instance: Path
) -> None:
    """A misspelt name, bad values and a bad flag server are said after it, and refuse nothing."""
    wrong = {
        "SHIM_SHADDOW_QUEUE": "5",
        "PORT": "eighty",
        "SHIM_RAMP": "up",
        "UNLEASH_URL": "nonsense",
        "HOST": "x86_64-conda-linux-gnu",
    }
    done = command("rollback", "--reason", "balances look wrong", **wrong)
    assert done.returncode == 3, done.stderr
    assert "rolled back: legacy serves everybody" in done.stdout
    said = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert {line.split()[1] for line in said} == {*wrong} - {"HOST"}
    assert latch(instance)


def test_a_rollback_that_may_not_reach_other_hosts_is_done_here_and_fails(
    command: Command, instance: Path
) -> None:
    """Where other workers are told cannot be found out, so it is not called done."""
    done = command("rollback", DATABASE_URL="postgresql://u:s3cret@h:port/db")
    assert done.returncode == 1
    assert "workers of other hosts cannot be seen: DATABASE_URL is wrong" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert latch(instance)


def test_nobody_is_moved_up_over_a_setting_that_is_wrong(command: Command, instance: Path) -> None:
    """The same command goes down; flags are not turned where they may not be kept."""
    refused = command("set", "1", SHIM_SHADDOW_QUEUE="5")
    assert (refused.returncode, "nothing was changed" in refused.stderr) == (1, True)
    before = (instance / "flags.json").read_text()
    assert command("set", "0", SHIM_SHADDOW_QUEUE="5").returncode == 0
    lowered = (instance / "flags.json").read_text()
    elsewhere = command("set", "0", UNLEASH_URL="http://unleash")
    assert "nothing was changed: UNLEASH_URL is set and UNLEASH_CLIENT_TOKEN" in elsewhere.stderr
    assert before != lowered == (instance / "flags.json").read_text()


@pytest.mark.parametrize("words", [("advance",), ("resume", "--reason", "x"), ("status",)])
def test_what_is_no_way_back_is_refused_with_all_that_is_wrong(
    words: tuple[str, ...], instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a service nor such a command goes on with a default in the place of a setting."""
    monkeypatch.setenv("SHIM_INSTANCE", str(instance))
    monkeypatch.setenv("SHIM_SHADDOW_QUEUE", "5")
    for line in (("flask", "rollout", *words), ("flask", "demo", "run"), ("gunicorn", "wsgi:app")):
        with pytest.raises(SettingsError, match="SHIM_SHADDOW_QUEUE is not a setting"):
            settings_for(line)
    settings_for(ROLLBACK)


def test_a_rollback_in_a_folder_that_was_never_served_is_refused_and_makes_nothing(
    command: Command, instance: Path
) -> None:
    """A mistyped folder is said with the folders that look right, and the right one goes on."""
    wrong = instance.with_name("instnace")
    for words in (("rollback",), ("set", "0"), ("status",), ("history",)):
        done = command(*words, SHIM_INSTANCE=str(wrong))
        assert done.returncode == 1
        assert f"SHIM_INSTANCE is {str(wrong)!r}: the folder is not there" in done.stderr
        assert f"Folders of instances: {instance}" in done.stderr
    assert not wrong.exists()
    assert [each.name for each in instance.iterdir()] == ["flags.json", "flags.json.lock"]


def test_a_folder_that_is_near_is_found_by_any_part_of_its_path(instance: Path) -> None:
    """A slip in a folder above, and a folder too high or too low, are found as well."""
    slip = instance.parent.with_name(instance.parent.name + "x") / "instance"
    for wrong in (slip, instance.parent, instance / "run", instance.with_name("other")):
        assert next(instances_near(wrong)) == instance


def test_an_existing_folder_of_something_else_is_none_of_an_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kill switch is not put into whatever folder is there."""
    monkeypatch.setenv("SHIM_INSTANCE", str(tmp_path))
    with pytest.raises(SettingsError, match="the folder holds no instance"):
        settings_for(ROLLBACK)
    settings_for((*ROLLBACK, "--help"))
    assert not [*tmp_path.iterdir()]


def test_orders_over_servers_need_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh container may roll back where the kill switch is kept in a shared database."""
    monkeypatch.setenv("SHIM_INSTANCE", str(tmp_path / "new"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/app")
    settings_for(ROLLBACK)


@pytest.mark.parametrize(
    ("line", "only"),
    [
        ("flask rollout status", True),
        ("flask --app wsgi:app rollout rollback", True),
        ("/venv/flask/__main__.py shadow replay x.json", True),
        ("flask --help", True),
        ("flask demo run", False),
        ("flask run", False),
        ("flask unleash setup", False),
        ("flask unleash doctor", True),
        ("flask rollout rollback --reason run", True),
        ("gunicorn wsgi:app", False),
    ],
)
def test_a_command_is_told_from_a_service(line: str, only: bool) -> None:
    """Only what serves, or sets up, makes a folder."""
    assert is_command(line.split()) is only
