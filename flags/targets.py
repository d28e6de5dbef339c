"""What people meant the flags to be: kept where every worker can look, for sources they edit.

Anybody can turn a flag in Unleash. What our own commands want is written here first, so that
a worker can tell it from a slip of somebody's hand; what workers follow is written here too,
so that one that starts without a past knows where the others are.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from flags.definition import FlagDefinition
from flags.files import locked, read_whole, replace_file

Edit = Callable[["Standing"], "Standing"]


class TargetsError(Exception):
    """The targets could not be read or written: the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one flag.

    `confirmed` is what workers follow, as of the source's `revision`; `authorised` what an
    operator wants and no worker has seen yet.
    """

    confirmed: FlagDefinition | None = None
    revision: int = 0
    authorised: FlagDefinition | None = None

    def with_confirmed(
        self, definition: FlagDefinition, revision: int, *, restored: bool
    ) -> "Standing":
        """Return the standing after a worker followed; an older revision changes nothing.

        `restored` says that the source's revisions went back and are believed.
        """
        if revision < self.revision and not restored:
            return self
        wanted = None if self.authorised == definition else self.authorised
        return Standing(definition, revision, wanted)


class AuthorisedTargets(Protocol):
    """Keeps the standing of each flag. May be used from any thread and process."""

    def read(self, flag: str) -> Standing:
        """Return what is known, an empty standing if nothing is. Raises `TargetsError`."""

    def authorise(self, definition: FlagDefinition) -> None:
        """Note what an operator wants, in place of what was wanted before.

        Raises `TargetsError`.
        """

    def revoke(self, definition: FlagDefinition) -> None:
        """Forget that this was wanted, if it still is. Raises `TargetsError`."""

    def confirm(self, definition: FlagDefinition, *, revision: int, restored: bool = False) -> None:
        """Note what a worker follows, unless something newer is known.

        Raises `TargetsError`.
        """


class StandingEdits(ABC):
    """What `AuthorisedTargets` write down, over one way to change a standing."""

    def authorise(self, definition: FlagDefinition) -> None:
        """Write what an operator wants. Raises `TargetsError`."""
        self._change(definition.name, lambda old: replace(old, authorised=definition))

    def revoke(self, definition: FlagDefinition) -> None:
        """Take back what an operator wanted. Raises `TargetsError`."""
        self._change(definition.name, lambda old: _without(old, definition))

    def confirm(self, definition: FlagDefinition, *, revision: int, restored: bool = False) -> None:
        """Write what a worker follows. Raises `TargetsError`."""
        self._change(
            definition.name,
            lambda old: old.with_confirmed(definition, revision, restored=restored),
        )

    @abstractmethod
    def _change(self, flag: str, edit: Edit) -> None:
        """Keep what `edit` makes of the flag's standing. Raises `TargetsError`."""


class FileTargets(StandingEdits):
    """One JSON object in a file of the host, replaced by rename."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, flag: str) -> Standing:
        """Return what the file says of the flag. Raises `TargetsError`."""
        try:
            return self._all().get(flag, Standing())
        except (OSError, ValueError) as error:
            raise self._failure("read", error) from error

    def _change(self, flag: str, edit: Edit) -> None:
        try:
            with locked(self._path, timeout=1.0):
                standings = self._all()
                before = standings.get(flag, Standing())
                after = edit(before)
                if after != before:
                    standings[flag] = after
                    encoded = {name: standing_json(each) for name, each in standings.items()}
                    replace_file(self._path, json.dumps(encoded, indent=2) + "\n")
        except (OSError, ValueError) as error:
            raise self._failure("written", error) from error

    def _all(self) -> dict[str, Standing]:
        try:
            content = json.loads(read_whole(self._path))
        except FileNotFoundError:
            return {}
        if not isinstance(content, dict):
            raise ValueError(f"it is {content!a:.60}, not a JSON object")  # noqa: TRY004 - of a file
        return {flag: standing_from_json(flag, each) for flag, each in content.items()}

    def _failure(self, done: str, error: Exception) -> TargetsError:
        return TargetsError(
            f"the authorised targets {self._path} cannot be {done}: {error}; look at the"
            " permissions and the free space, or move the file away"
        )


def _without(standing: Standing, definition: FlagDefinition) -> Standing:
    """Return the standing without this wish, if it is the one."""
    wanted = standing.authorised
    return replace(standing, authorised=None) if wanted == definition else standing


def standing_json(standing: Standing) -> dict[str, Any]:
    """Return a standing in JSON's types."""
    return {
        "confirmed": definition_to_json(standing.confirmed),
        "revision": standing.revision,
        "authorised": definition_to_json(standing.authorised),
    }


def standing_from_json(flag: str, value: Any) -> Standing:
    """Return what `standing_json` made. Raises ValueError saying what is wrong."""
    try:
        return Standing(
            definition_from_json(flag, value["confirmed"]),
            int(value["revision"]),
            definition_from_json(flag, value["authorised"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"what it says of {flag!a} cannot be read ({error})") from error


def definition_to_json(definition: FlagDefinition | None) -> dict[str, Any] | None:
    """Return a definition without its name in JSON's types."""
    if definition is None:
        return None
    return {
        "enabled": definition.enabled,
        "percentage": definition.percentage,
        "cohort": sorted(definition.cohort),
        "group_id": definition.group_id,
    }


def definition_from_json(flag: str, value: Any) -> FlagDefinition | None:
    """Return what `definition_to_json` made. Raises LookupError, TypeError, ValueError."""
    if value is None:
        return None
    enabled, percentage = value["enabled"], value["percentage"]
    if type(enabled) is not bool or type(percentage) is not int or not 0 <= percentage <= 100:
        raise ValueError(f"enabled {enabled!a}, percentage {percentage!a}")
    cohort = frozenset(int(user) for user in value["cohort"])
    return FlagDefinition(flag, enabled, percentage, cohort, str(value["group_id"]))
