"""What status and plan say of the guard: what it found, when, and that it does not rule."""

from dataclasses import replace

import pytest

from app.settings import Settings
from app.settings_guard import GuardSettings
from tests.application import Build, Built, until
from tests.guard.stage import served


@pytest.fixture(autouse=True)
def database(settings: Settings, seeded: bytes) -> None:
    """Give the instance a database with users."""
    (settings.instance_path / "app.db").write_bytes(seeded)


def line(built: Built, command: str = "status") -> str:
    """Return the guard's line of a command."""
    lines = built.run("rollout", command).output.splitlines()
    return next(each for each in lines if each.startswith("guard "))


def test_without_a_worker_there_is_no_ruling(settings: Settings) -> None:
    """What was ruled before the last worker ended is said as that, with its time."""
    with served(settings) as built:
        until(lambda: "comparisons" in line(built))
        built.parts.runtime.stop()
        for command in ("status", "plan"):
            told = line(built, command)
            assert "guard      not running: no worker is running: no ruling" in told
            assert "; the last ruling was inconclusive at 20" in told


def test_where_none_ever_ran_there_is_no_ruling(build: Build) -> None:
    """And none that could be told of."""
    assert line(build()) == "guard      not running: no worker is running: no ruling"


def test_a_ruling_is_said_with_its_time(settings: Settings) -> None:
    """It may be some seconds old."""
    with served(settings) as built:
        until(lambda: line(built).startswith("guard      inconclusive, at 20"))


def test_while_a_person_holds_everybody_back_it_does_not_rule(settings: Settings) -> None:
    """What it said before the rollback is no ruling on what is now."""
    with served(settings) as built:
        until(lambda: "comparisons" in line(built))
        built.run("rollout", "rollback", "--reason", "a look", "--by", "anna")
        told = line(built)
        assert "not running: everybody is on legacy, by anna: it rules again after" in told
        built.run("rollout", "resume", "--at", "1", "--reason", "all is well")
        until(lambda: "the last ruling" not in line(built))


def test_a_guard_that_is_off_says_so(settings: Settings) -> None:
    """It is no fault, and no health."""
    with served(replace(settings, guard=GuardSettings(on=False))) as built:
        assert line(built) == "guard      not running: it is switched off by SHIM_GUARD"
