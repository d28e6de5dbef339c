"""What the README says of settings, dependencies, stages and folders is so."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from app.cli_rollout import rollout
from app.cli_shadow import shadow
from app.settings import EXCEPTIONS, Settings, SettingsError
from flags.stage import Stage
from tests.docs.documents import DOCUMENTS, README, ROOT, code_marks, marked, table, tables, text_of

REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-servers.txt")


class Asked(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """Return nothing, and remember the name."""
        self.names.add(name)
        return super().get(name, default)


def settings() -> list[list[str]]:
    """Return the rows of the table of settings."""
    return table(README, "setting", "default", "takes", "meaning")


def test_every_setting_is_documented_and_no_other() -> None:
    """The table names what is read, and the names without the prefix."""
    asked = Asked()
    Settings.from_environ(asked)
    assert sorted(marked(row[0]) for row in settings()) == sorted(asked.names | set(EXCEPTIONS))


def test_documented_defaults_are_the_defaults() -> None:
    """To set a default changes nothing."""
    for name, default, *_ in settings():
        if default != "not set":
            chosen = Settings.from_environ({marked(name): marked(default)})
            assert chosen == Settings.from_environ({}), name


def test_documented_limits_are_the_limits() -> None:
    """A value that cannot be is refused with what the table says that the setting takes."""
    for name, _, takes, _ in settings():
        if takes.startswith(("a whole number", "a number", "one of")):
            with pytest.raises(SettingsError, match=f"{marked(name)} is 'x': give {takes}$"):
                Settings.from_environ({marked(name): "x"})


def direct_pins() -> set[str]:
    """Return the packages that are pinned for their own sake."""
    pins: set[str] = set()
    for file in REQUIREMENTS:
        wanted = re.split(r"^# What .* along", (ROOT / file).read_text(), flags=re.MULTILINE)[0]
        pins |= set(re.findall(r"^([\w-]+)(?:\[\w+\])?==", wanted, re.MULTILINE))
    return pins


def test_every_dependency_is_explained_and_no_other() -> None:
    """One line for each direct pin, in either table."""
    rows = [row for each in tables(README, "package", "what it is for") for row in each]
    assert sorted(package for package, _ in rows) == sorted(direct_pins())
    assert all(purpose for _, purpose in rows)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_stage_has_a_row_in_the_table_of_stages(document: str) -> None:
    """Who serves, who shadows, and a command that leads there."""
    rows = table(document, "stage", "who serves", "who shadows", "how to get there")
    assert [row[0].strip("`").replace(" ", "_") for row in rows] == list(Stage)
    assert all("flask rollout" in row[3] for row in rows)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    """Links, and everything in code marks that looks like a path of this repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", text_of(document))
    paths = [
        mark for mark in code_marks(document) if re.match(r"(app|shim|flags|tests|bench)/", mark)
    ]
    assert links or document != README
    missing = [path for path in [*links, *paths] if not (ROOT / path).exists()]
    assert not missing, f"{document} names {missing}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_hold_on_any_machine(document: str) -> None:
    """No path of one machine, and no line too long to be read."""
    assert not re.findall(r"(?<![\w./:])/(?:home|root|tmp|usr|work|Users)\b", text_of(document))
    assert str(Path.home()) not in text_of(document)


SHOWING = {
    "cohort list",
    "history",
    "known list",
    "ledger",
    "plan",
    "replay",
    "report",
    "retirement",
    "status",
    "tail",
    "why",
}
"""The commands that change nothing."""


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each command below a group with its options."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), {option for p in command.params for option in p.opts}


@pytest.mark.parametrize("group", [rollout, shadow])
def test_every_command_takes_the_options_that_the_readme_says(group: click.Group) -> None:
    """Programs can read all of it, and each order says who gives it and why."""
    for name, options in commands(group):
        assert "--json" in options, name
        assert options >= {"--by", "--reason"} or name in SHOWING, name
