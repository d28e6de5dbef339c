"""What an operator does to the flags, once for each place that keeps them."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from flags.body import flag_feature
from flags.definition import FlagDefinition
from flags.embedded import first_body
from flags.features import FlagFormatError, absent, parse_features
from flags.files import locked, read_whole, replace_file
from flags.percentage import percentage_of
from flags.state import load_state
from flags.user_id import user_id_of

LOCK_TIMEOUT_S = 5.0

Edit = Callable[[FlagDefinition], FlagDefinition]


class FlagAdminError(Exception):
    """A flag could not be changed, and was not: the message says why and what to do."""


class FlagOutcomeUnknownError(FlagAdminError):
    """Whether a flag was changed could not be found out: it may be, or may still become so.

    `before` is what it was, and `wanted` what it may have become.
    """

    def __init__(self, message: str, *, before: FlagDefinition, wanted: FlagDefinition) -> None:
        super().__init__(message)
        self.before = before
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class FlagChange:
    """One flag before and after, and the revision that holds the change.

    `written_at` is the unix time in seconds at which readers could first see it. `is_new` is
    False if it was so already, and the revision is an older one.
    """

    before: FlagDefinition
    after: FlagDefinition
    revision: int
    written_at: float
    is_new: bool = True


class FlagAdmin(Protocol):
    """Changes flags where they are kept.

    What fails raises `FlagAdminError`; a percentage or a user id that is none is refused
    with the error of its own before anything is touched.
    """

    def set_percentage(self, flag: str, percentage: int) -> FlagChange:
        """Reach `percentage` of everybody, 0..100, switching the flag on; its cohort stays."""

    def switch_off(self, flag: str) -> FlagChange:
        """Reach nobody; percentage and cohort are kept for when it is switched on."""

    def cohort_add(self, flag: str, user_id: int) -> FlagChange:
        """Reach this user whatever the percentage, as long as the flag is on."""

    def cohort_remove(self, flag: str, user_id: int) -> FlagChange:
        """Leave this user to the percentage."""

    def cohort(self, flag: str) -> tuple[int, ...]:
        """Return the users that are reached by name, in order."""


class FlagEdits(ABC):
    """What a `FlagAdmin` does to a flag, over one way to change it."""

    def set_percentage(self, flag: str, percentage: int) -> FlagChange:
        """Write a percentage. Raises `InvalidPercentageError`, `FlagAdminError`."""
        wanted = percentage_of(str(percentage))
        return self._change(flag, lambda old: replace(old, enabled=True, percentage=wanted))

    def switch_off(self, flag: str) -> FlagChange:
        """Write the flag as off. Raises `FlagAdminError`."""
        return self._change(flag, lambda old: replace(old, enabled=False))

    def cohort_add(self, flag: str, user_id: int) -> FlagChange:
        """Write the cohort with this user. Raises `InvalidUserIdError`, `FlagAdminError`."""
        wanted = user_id_of(user_id)
        return self._change(flag, lambda old: replace(old, cohort=old.cohort | {wanted}))

    def cohort_remove(self, flag: str, user_id: int) -> FlagChange:
        """Write the cohort without this user. Raises `FlagAdminError`."""
        return self._change(flag, lambda old: replace(old, cohort=old.cohort - {user_id}))

    @abstractmethod
    def _change(self, flag: str, edit: Edit) -> FlagChange:
        """Write what `edit` makes of the flag. Raises `FlagAdminError`."""


class EmbeddedAdmin(FlagEdits):
    """Changes the flag file: one writer at a time, and never to something inapplicable."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def cohort(self, flag: str) -> tuple[int, ...]:
        """Return the cohort in the file. Raises `FlagAdminError`."""
        try:
            definition = parse_features(self._text()).definitions.get(flag, absent(flag))
        except (OSError, ValueError) as error:
            raise self._failure(error) from error
        return tuple(sorted(definition.cohort))

    def _change(self, flag: str, edit: Edit) -> FlagChange:
        """Replace one flag in the file, under the next revision."""
        try:
            with locked(self._path, timeout=LOCK_TIMEOUT_S):
                text = self._text()
                features = parse_features(text)
                before = features.definitions.get(flag, absent(flag))
                after = edit(before)
                revision = features.revision + 1
                changed = _with_flag(text, after, revision)
                load_state(changed, source="check")
                return FlagChange(before, after, revision, replace_file(self._path, changed))
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def _text(self) -> str:
        """Return the file's text, or what the first run would write."""
        try:
            return read_whole(self._path).decode()
        except FileNotFoundError:
            return first_body()

    def _failure(self, error: OSError | ValueError) -> FlagAdminError:
        """Say what went wrong with the file."""
        if isinstance(error, FlagFormatError | UnicodeDecodeError):
            return FlagAdminError(
                f"the flag file {self._path} cannot be applied: {error}; nothing was changed:"
                " mend the file, or move it away to begin anew at 0 %"
            )
        return FlagAdminError(f"the flag file {self._path} cannot be changed: {error}")


def _with_flag(text: str, definition: FlagDefinition, revision: int) -> str:
    """Return the body with one flag replaced or added; all else in it is kept."""
    body: dict[str, Any] = json.loads(text)
    written = flag_feature(
        definition.name,
        percentage=definition.percentage,
        cohort=definition.cohort,
        enabled=definition.enabled,
        group_id=definition.group_id,
    )
    present = [each for each in body["features"] if each["name"] == definition.name]
    if present:
        present[0].update(written)
    else:
        body["features"].append(written)
    body["meta"] = {**body.get("meta", {}), "revisionId": revision}
    return json.dumps(body, indent=2) + "\n"


class RefusingAdmin(FlagEdits):
    """Changes nothing and says why: for a process that may not."""

    def __init__(self, why: str) -> None:
        self._why = why

    def cohort(self, flag: str) -> tuple[int, ...]:
        """Raise `FlagAdminError`."""
        raise FlagAdminError(self._why)

    def _change(self, flag: str, edit: Edit) -> FlagChange:
        raise FlagAdminError(self._why)
