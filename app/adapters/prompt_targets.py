"""The authorised targets behind a deadline: a store that hangs keeps no flag from going down."""

from collections.abc import Callable
from typing import TypeVar

from app.in_time import InTime, LateError
from flags.definition import FlagDefinition
from flags.targets import AuthorisedTargets, Standing, TargetsError

WAIT_S = 1.5
"""Seconds that the store has; it gives up by itself after one, unless it hangs."""

Answer = TypeVar("Answer")


class PromptTargets:
    """`AuthorisedTargets` over others that may hang: then `TargetsError`, until they answer."""

    def __init__(self, targets: AuthorisedTargets, *, wait_s: float = WAIT_S) -> None:
        self._targets = targets
        self._wait_s = wait_s
        self._calls = InTime("targets")

    def read(self, flag: str) -> Standing:
        """Return what is known of the flag. Raises `TargetsError`."""
        return self._in_time(lambda: self._targets.read(flag))

    def authorise(self, definition: FlagDefinition) -> None:
        """Note what an operator wants. Raises `TargetsError`."""
        self._in_time(lambda: self._targets.authorise(definition))

    def revoke(self, definition: FlagDefinition) -> None:
        """Forget that this was wanted, if it still is. Raises `TargetsError`."""
        self._in_time(lambda: self._targets.revoke(definition))

    def confirm(self, definition: FlagDefinition, *, revision: int, restored: bool = False) -> None:
        """Note what a worker follows. Raises `TargetsError`."""
        self._in_time(
            lambda: self._targets.confirm(definition, revision=revision, restored=restored)
        )

    def _in_time(self, act: Callable[[], Answer]) -> Answer:
        try:
            return self._calls.call(act, wait_s=self._wait_s)
        except LateError as error:
            raise TargetsError(
                f"the authorised targets do not answer within {self._wait_s:g} s: see whether the"
                " database hangs"
            ) from error
