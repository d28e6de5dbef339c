"""Every command that the documents name is run, and does what they say."""

import shutil
import subprocess

import pytest

from tests.docs.checks import CHECKS
from tests.docs.demonstration import Demonstration, missing
from tests.docs.documents import (
    DOCUMENTS,
    README,
    ROOT,
    commands,
    named_commands,
    without_folder,
)

MAKE = {
    "make run": "flask demo run",
    "make test": "pytest",
    "make stack": "scripts/stack.py",
    "make bench": "bench/",
}
"""What each target of the Makefile that is named comes down to."""


@pytest.mark.processes
@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_command_has_the_effect_that_its_document_says(
    document: str, live: Demonstration
) -> None:
    """In the order of the document, on one running demonstration with its pages open."""
    for command in commands(document):
        if command in MAKE:
            continue
        check = CHECKS[command]
        if check.first is not None:
            check.first(live)
        check.effect(live, live.run(command))


def test_each_command_has_a_check_and_each_check_a_command() -> None:
    """A command without one would be run without being looked at."""
    named = {command for document in DOCUMENTS for command in commands(document)}
    assert named - MAKE.keys() == CHECKS.keys()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_the_text_are_among_those_that_are_run(document: str) -> None:
    """Whatever is named in passing is run as it stands, or as the beginning of a longer one."""
    run = [without_folder(command) for each in DOCUMENTS for command in commands(each)]
    for command in named_commands(document):
        begins = [each for each in [*run, *MAKE] if f"{each} ".startswith(f"{command} ")]
        assert begins, f"{document} names {command!r}, which nothing runs"


@pytest.mark.parametrize("command", sorted(MAKE))
def test_targets_of_the_makefile_exist(command: str) -> None:
    """They install and serve, or test, so they are not run inside of a test."""
    if shutil.which("make") is None:
        missing("make")
    planned = subprocess.run(
        [*command.split(), "--dry-run"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert planned.returncode == 0, planned.stderr
    assert MAKE[command] in planned.stdout


def test_the_readme_begins_with_what_it_is_a_picture_and_two_commands() -> None:
    """One sentence, the picture, `make run` and `make test`, within the first screen."""
    lines = (ROOT / README).read_text(encoding="utf-8").splitlines()
    screen = "\n".join(lines[:12])
    positions = [screen.index(part) for part in ("# ", "](docs/look.png)", "make run", "make test")]
    assert positions == sorted(positions)
    assert screen.split("\n\n")[1].count(". ") == 0
