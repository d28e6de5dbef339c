"""One migration's canonical flag, as a worker follows it, against what all others know of it."""

from collections.abc import Sequence
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

    For each body: `begin`, then `objection` and perhaps `fallback`, then `settle`, and `tell`
    once it is followed. With `observe` nothing is written. One thread.
    """

    def __init__(
        self, name: str, *, targets: AuthorisedTargets, observe: bool, steps: Sequence[int]
    ) -> None:
        self._name = name
        self._targets = targets
        self._steps = steps
        self._observe = observe
        self._followed: FlagDefinition | None = None
        self._revision = 0
        self._restored = False
        self._looked: Standing | None = None
        self._trouble = ""
        self._told = False
        self._untold: FlagDefinition | None = None

    def remember(self, definition: FlagDefinition | None, *, revision: int) -> None:
        """Begin from what was followed before."""
        self._followed, self._revision = definition or absent(self._name), revision

    def begin(self, *, restored: bool) -> None:
        """Begin with another body; `restored` says that its revision went back for good.

        Until the others were told of one from after that, what they know is of a past whose
        revisions are higher.
        """
        self._restored = self._restored or restored
        self._looked = self._untold = None

    def objection(self, definition: FlagDefinition) -> str | None:
        """Return why this waits for a person, None if it may be followed at once.

        What reaches no share of the users is let through without a look at the store, which
        may hang.
        """
        if not definition.enabled or not definition.percentage:
            return None
        standing = self._standing()
        before = standing.confirmed or _nobody_like(definition)
        why = surprise(before, definition, authorised=standing.authorised, steps=self._steps)
        return None if why is None else why + self._trouble

    def moves_everybody(self, definition: FlagDefinition) -> bool:
        """Whether this is a raise to all users that no order of ours asked for."""
        if not definition.reaches_everybody:
            return False
        standing = self._standing()
        known = (standing.confirmed, standing.authorised)
        return not any(each is not None and each.reaches_everybody for each in known)

    def fallback(self, last: Feature | None) -> Feature:
        """Return what stays while something waits: what holds for all, else the last, else none."""
        confirmed = self._standing().confirmed
        if confirmed is not None and confirmed != self._followed:
            return _feature_of(confirmed)
        return last or _feature_of(absent(self._name))

    def settle(self, definition: FlagDefinition | None, *, revision: int, kept: bool) -> None:
        """Remember what is followed; `kept` says that it is not what the body holds."""
        known = self._followed if self._looked is None else self._looked.confirmed
        self._followed = definition or _nobody_like(known or absent(self._name))
        if kept:
            return
        self._revision = revision
        if self._followed != known or self._restored or not self._told:
            self._untold = self._followed

    def tell(self) -> None:
        """Tell the others what is followed, if they may not know; the store may hang.

        What could not be told is told when this is called again.
        """
        if self._untold is None or self._observe:
            return
        try:
            self._targets.confirm(self._untold, revision=self._revision, restored=self._restored)
        except TargetsError as error:
            self._told = False
            _log.warning("targets_unwritable", problem=str(error))
        else:
            self._told, self._restored, self._untold = True, False, None

    def _standing(self) -> Standing:
        """Return what all know of the flag; of a store that cannot be read it is told later.

        The newest of what this worker and the others follow counts: this one may have slept
        while the flag was lowered and raised again.
        """
        if self._looked is None:
            try:
                standing, self._trouble = self._targets.read(self._name), ""
            except TargetsError as error:
                standing = Standing()
                self._trouble = f"; whether it is authorised is not known: {error}"
            if self._followed is not None and (
                self._restored or standing.confirmed is None or standing.revision <= self._revision
            ):
                standing = replace(standing, confirmed=self._followed)
            self._looked = standing
        return self._looked


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
