"""The authorised targets behind a deadline: a store that hangs keeps no flag from going down."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from flags.definition import FlagDefinition
from flags.targets import AuthorisedTargets, Standing, TargetsError

WAIT_S = 1.5
"""Seconds that the store has; it gives up by itself after one, unless it hangs."""

Answer = TypeVar("Answer")


class PromptTargets:
    """`AuthorisedTargets` over others that may hang: then `TargetsError`, until they answer.

    A connection to a server that hangs cannot be ended from here, so each call is made on a
    thread of its own. While one hangs no other is begun.
    """

    def __init__(self, targets: AuthorisedTargets, *, wait_s: float = WAIT_S) -> None:
        self._targets = targets
        self._wait_s = wait_s
        self._hanging: Future[Any] | None = None

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
        if self._hanging is not None and not self._hanging.done():
            raise self._late()
        call: Future[Answer] = Future()
        threading.Thread(target=_make, args=(call, act), name="targets", daemon=True).start()
        try:
            return call.result(self._wait_s)
        except TimeoutError as error:
            self._hanging = call
            raise self._late() from error

    def _late(self) -> TargetsError:
        return TargetsError(
            f"the authorised targets do not answer within {self._wait_s:g} s: see whether the"
            " database hangs"
        )


def _make(call: "Future[Answer]", act: Callable[[], Answer]) -> None:
    """Make the call, and hand over what comes of it."""
    try:
        call.set_result(act())
    except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
        call.set_exception(error)
