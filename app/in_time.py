"""Calls that may hang: each on a thread of its own, and given up in time.

A connection to a server that hangs cannot be ended from here, whatever timeout it was given: it
is the server that would have to act on it. While one call hangs no other is begun, so that they
do not pile up; it ends when the server goes on.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from app.notifications.deadline import begin

Answer = TypeVar("Answer")


class LateError(TimeoutError):
    """A call has not come back in time, or the one before it still has not."""


class InTime:
    """Makes calls to one server. May be used from any thread, and after a fork."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._hanging: Future[Any] | None = None

    def call(self, act: Callable[[], Answer], *, wait_s: float) -> Answer:
        """Return what `act` returns, or raise what it raises. Raises LateError."""
        if self._hanging is not None and not self._hanging.done():
            raise LateError(f"no answer within {wait_s:g} s")
        call = begin(act, name=self._name)
        try:
            return call.result(wait_s)
        except TimeoutError as error:
            if call.done():
                return call.result()  # at the last moment, or it raised the like itself
            self._hanging = call
            raise LateError(f"no answer within {wait_s:g} s") from error
