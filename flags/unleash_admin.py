"""What an operator does to flags that an Unleash server keeps.

The target is written to the shared store first, so that no worker takes our own change for a
slip of the hand. A call without an answer is unknown, neither done nor failed: it is read back,
and asked again where that does no harm, until it is settled.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, TypeVar

from flags.admin import Edit, FlagAdminError, FlagChange, FlagEdits, FlagOutcomeUnknownError
from flags.body import flag_strategy
from flags.definition import FlagDefinition
from flags.features import FlagFormatError, absent, definition_of
from flags.targets import AuthorisedTargets, TargetsError
from flags.unleash_api import FlagThere, UnleashApi, UnleashError, UnleashUnknownError
from flags.user_id import InvalidUserIdError, user_id_of

SETTLE_S = 10.0
"""Seconds in which a call without an answer is settled, or given up as unknown."""
SETTLE_POLL_S = 0.25
MOST_VALUES = 250
"""Values that Unleash takes in one constraint, unless it was started with another limit."""

Seen = TypeVar("Seen")


class UnleashAdmin(FlagEdits):
    """A `FlagAdmin` over Unleash's admin API; `tell` hurries workers to a new revision."""

    def __init__(
        self,
        api: UnleashApi,
        *,
        targets: AuthorisedTargets,
        tell: Callable[[int], None] = lambda revision: None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._targets = targets
        self._tell = tell
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep

    def cohort(self, flag: str) -> tuple[int, ...]:
        """Return the users that Unleash names. Raises `FlagAdminError`."""
        return tuple(sorted(_definition(flag, self._there(flag)).cohort))

    def _change(self, flag: str, edit: Edit) -> FlagChange:
        there = self._there(flag)
        old = self._before(lambda: self._api.newest_event(flag))
        before = _definition(flag, there)
        after = edit(before)
        # What only lowers needs no leave: nothing holds it back.
        self._authorise(after, needed=_percentage(after) > _percentage(before))
        written_at = self._now()
        try:
            self._write(there, after)
        except UnleashUnknownError as error:
            raise _unknown(error, before=before, wanted=after) from error
        except UnleashError as error:
            self._revoke(after)
            raise FlagAdminError(
                f"Unleash did not change {flag}, or not all that was wanted of it: {error}"
            ) from error
        revision = self._new_revision(before, after)
        self._tell(revision)
        return FlagChange(before, after, revision, written_at, is_new=revision > old)

    def _before(self, look: Callable[[], Seen]) -> Seen:
        """Return what is seen before anything is changed. Raises `FlagAdminError`."""
        try:
            return look()
        except UnleashError as error:
            raise FlagAdminError(f"nothing was changed: {error}") from error

    def _new_revision(self, before: FlagDefinition, after: FlagDefinition) -> int:
        """Return the number of the change, which was made; it is asked for until there is one."""
        flag = after.name
        until = self._monotonic() + SETTLE_S
        while True:
            try:
                return self._api.newest_event(flag)
            except UnleashError as error:
                if self._monotonic() >= until:
                    raise FlagOutcomeUnknownError(
                        f"{flag} was changed, but its revision could not be found out"
                        f" within {SETTLE_S:g} s ({error}): whether workers follow is not"
                        " known. Look with `flask rollout status`",
                        before=before,
                        wanted=after,
                    ) from error
            self._sleep(SETTLE_POLL_S)

    def _there(self, flag: str) -> FlagThere:
        there = self._before(lambda: self._api.flag(flag))
        if there is None:
            raise FlagAdminError(
                f"Unleash has no flag {flag}: `flask unleash setup` makes it; if it is archived,"
                " revive it there"
            )
        return there

    def _authorise(self, definition: FlagDefinition, *, needed: bool) -> None:
        try:
            self._targets.authorise(definition)
        except TargetsError as error:
            if needed:
                raise FlagAdminError(
                    f"nothing was changed, for workers would hold it back: {error}"
                ) from error

    def _revoke(self, definition: FlagDefinition) -> None:
        """Take a wish back that did not come true; one that stays only lets itself through."""
        try:
            self._targets.revoke(definition)
        except TargetsError:
            return

    def _write(self, there: FlagThere, after: FlagDefinition) -> None:
        """Make the flag what it is wanted to be; on only once it has its strategies."""
        if not after.enabled and there.enabled:
            self._switch(after)
        named = [each for each in there.strategies if _kind(each) == "cohort"]
        for present, wanted in zip_longest(named, _cohort(named, after)):
            if present is None or wanted is None or not _says(present, wanted):
                self._write_strategy(after.name, present, wanted)
        general = [each for each in there.strategies if _kind(each) == "general"]
        for present, wanted in zip_longest(general, [_general(after)]):
            self._write_strategy(after.name, present, wanted)
        if after.enabled and not there.enabled:
            self._switch(after)

    def _write_strategy(
        self, flag: str, present: dict[str, Any] | None, wanted: dict[str, Any] | None
    ) -> None:
        if present is None and wanted is not None:
            self._settled(
                flag, lambda: self._api.add_strategy(flag, wanted), _has(wanted), again=False
            )
        elif present is not None and wanted is not None:
            identity, merged = present["id"], {**present, **wanted}
            self._settled(
                flag, lambda: self._api.replace_strategy(flag, identity, merged), _has(wanted)
            )
        elif present is not None:
            self._remove_strategy(flag, present["id"])

    def _remove_strategy(self, flag: str, identity: str) -> None:
        self._settled(flag, lambda: self._api.remove_strategy(flag, identity), _has_none(identity))

    def _switch(self, after: FlagDefinition) -> None:
        self._settled(
            after.name,
            lambda: self._api.switch(after.name, on=after.enabled),
            lambda there: there.enabled is after.enabled,
        )

    def _settled(
        self,
        flag: str,
        call: Callable[[], None],
        is_done: Callable[[FlagThere], bool],
        *,
        again: bool = True,
    ) -> None:
        """Call; without an answer, read back and call again until it is done or time is up.

        What is `again` sets the same once more and does no harm if the first call is still
        carried out. Raises `UnleashUnknownError` if that does not become known: a server that is
        gone by then, or refuses, says nothing of the first call.
        """
        until = self._monotonic() + SETTLE_S
        try:
            call()
        except UnleashUnknownError as error:
            said: UnleashError = error
        else:
            return
        while self._monotonic() < until:
            try:
                there = self._api.flag(flag)
                if there is not None and is_done(there):
                    return
                if again:
                    call()
                    return
            except UnleashError as error:
                said = error
            self._sleep(SETTLE_POLL_S)
        raise UnleashUnknownError(str(said)) from said


def _definition(flag: str, there: FlagThere) -> FlagDefinition:
    """Return what Unleash has; of what cannot be applied, nothing."""
    feature = {"name": flag, "enabled": there.enabled, "strategies": list(there.strategies)}
    try:
        return definition_of(feature)
    except FlagFormatError:
        return absent(flag)


def _general(definition: FlagDefinition) -> dict[str, Any]:
    """Return the strategy for everybody that a flag is to have."""
    return flag_strategy(definition.group_id, percentage=definition.percentage)


def _cohort(
    present: Sequence[dict[str, Any]], definition: FlagDefinition
) -> list[dict[str, Any] | None]:
    """Return the strategies for a cohort in the places of those there are; None: one too many.

    Unleash takes so many users in one constraint, so a large cohort is in several. Who is in one
    stays in it: while they are written, one after the other, nobody is missing from all.
    """
    missing = set(definition.cohort)
    portions: list[set[int]] = []
    for strategy in present:
        portions.append(_users(strategy) & missing)
        missing -= portions[-1]
    waiting = sorted(missing)
    for portion in portions:
        room = max(0, MOST_VALUES - len(portion))
        portion.update(waiting[:room])
        del waiting[:room]
    while waiting:
        portions.append(set(waiting[:MOST_VALUES]))
        del waiting[:MOST_VALUES]
    return [
        flag_strategy(definition.group_id, percentage=100, users=portion) if portion else None
        for portion in portions
    ]


def _users(strategy: dict[str, Any]) -> set[int]:
    """Return the users that a strategy names, as far as there is room; none if it is not plain."""
    constraints = strategy["constraints"]
    if len(constraints) != 1 or constraints[0].get("contextName") != "userId":
        return set()
    found = set()
    for value in (constraints[0].get("values") or ())[:MOST_VALUES]:
        with suppress(InvalidUserIdError):
            found.add(user_id_of(value))
    return found


def _kind(strategy: dict[str, Any]) -> str:
    """Return what a strategy is for: users by name, or everybody; others are left alone."""
    if strategy.get("name") != "flexibleRollout" or strategy.get("segments"):
        return "foreign"
    return "cohort" if strategy.get("constraints") else "general"


def _has(wanted: dict[str, Any]) -> Callable[[FlagThere], bool]:
    """Return what tells whether a flag has a strategy that says this."""
    return lambda there: any(_says(strategy, wanted) for strategy in there.strategies)


def _says(strategy: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Tell whether a strategy says what is wanted."""
    users = [each.get("values") for each in strategy.get("constraints") or []]
    parameters = strategy.get("parameters") or {}
    return (
        users == [each["values"] for each in wanted["constraints"]]
        and {name: parameters.get(name) for name in wanted["parameters"]} == wanted["parameters"]
    )


def _has_none(identity: str) -> Callable[[FlagThere], bool]:
    return lambda there: all(each["id"] != identity for each in there.strategies)


def _percentage(definition: FlagDefinition) -> int:
    return definition.percentage if definition.enabled else 0


def _unknown(
    error: UnleashError, *, before: FlagDefinition, wanted: FlagDefinition
) -> FlagOutcomeUnknownError:
    return FlagOutcomeUnknownError(
        f"unknown: whether {wanted.name} was changed could not be found out within {SETTLE_S:g} s"
        f" ({error}); it may still be, and workers will then follow it. Look with `flask rollout"
        " status`, or run the command again",
        before=before,
        wanted=wanted,
    )
