"""One migration's canonical flag, as a worker follows it, against what all others know of it."""

from dataclasses import replace
from typing import Any

import structlog

from flags.body import flag_feature
from flags.definition import FlagDefinition
from flags.features import absent
from flags.surprises import surprise
from flags.targets import AuthorisedTargets, Standing, TargetsError

_log = structlog.get_logger(__name__)

Feature = dict[str, Any]


class CanonicalFlag:
    """Tells a raise that was meant from one that was not, and keeps the common standing.

    For each body: `look`, then `objection` and perhaps `fallback`, then `settle`. With
    `observe` nothing is written. One thread.
    """

    def __init__(self, name: str, *, targets: AuthorisedTargets, observe: bool) -> None:
        self._name = name
        self._targets = targets
        self._observe = observe
        self._followed: FlagDefinition | None = None
        self._revision = 0
        self._standing = Standing()
        self._trouble = ""
        self._told = False

    def remember(self, definition: FlagDefinition | None, *, revision: int) -> None:
        """Begin from what was followed before."""
        self._followed, self._revision = definition or absent(self._name), revision

    def look(self, *, restored: bool) -> None:
        """Find out what all know of the flag; a store that cannot be read is told of later.

        The newest of what this worker and the others follow counts: this one may have slept
        while the flag was lowered and raised again.
        """
        try:
            standing, self._trouble = self._targets.read(self._name), ""
        except TargetsError as error:
            standing = Standing()
            self._trouble = f"; whether it is authorised is not known: {error}"
        if self._followed is not None and (
            restored or standing.confirmed is None or standing.revision <= self._revision
        ):
            standing = replace(standing, confirmed=self._followed)
        self._standing = standing

    def objection(self, definition: FlagDefinition) -> str | None:
        """Return why this waits for a person, None if it may be followed at once."""
        before = self._standing.confirmed or _nobody_like(definition)
        why = surprise(before, definition, authorised=self._standing.authorised)
        return None if why is None else why + self._trouble

    def fallback(self, last: Feature | None) -> Feature:
        """Return what stays while something waits: what holds for all, else the last, else none."""
        confirmed = self._standing.confirmed
        if confirmed is not None and confirmed != self._followed:
            return _feature_of(confirmed)
        return last or _feature_of(absent(self._name))

    def settle(
        self, definition: FlagDefinition | None, *, revision: int, kept: bool, restored: bool
    ) -> None:
        """Remember what is followed, and tell the others if they do not know.

        `kept` says that it is not what the body of this revision holds.
        """
        standing = self._standing
        followed = definition or _nobody_like(standing.confirmed or absent(self._name))
        self._followed = followed
        if kept:
            return
        self._revision = revision
        if self._observe or (followed == standing.confirmed and not restored and self._told):
            return
        try:
            self._targets.confirm(followed, revision=revision, restored=restored)
            self._told = True
        except TargetsError as error:
            self._told = False
            _log.warning("targets_unwritable", problem=str(error))


def _nobody_like(definition: FlagDefinition) -> FlagDefinition:
    """Return the flag as one that reaches nobody, in the same group."""
    return replace(absent(definition.name), group_id=definition.group_id)


def _feature_of(definition: FlagDefinition) -> Feature:
    return flag_feature(
        definition.name,
        percentage=definition.percentage,
        cohort=definition.cohort,
        enabled=definition.enabled,
        group_id=definition.group_id,
    )
