"""A result in time or none: for what may hang where no timeout of its own reaches."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from app.notifications.ports import TruthUnavailable

T = TypeVar("T")
NO_DEADLINE_S = 3600.0
"""For so long nobody waits: shadows hand over so, to whom a thread of its own is no use."""


def begin(act: Callable[[], T], *, name: str) -> Future[T]:
    """Begin a call on a thread of its own, and return what will come of it."""
    call: Future[T] = Future()
    threading.Thread(target=_make, args=(call, act), name=name, daemon=True).start()
    return call


def within(seconds: float, act: Callable[[], T]) -> T:
    """Return what `act` returns, or raise what it raises, if that takes no longer.

    A database server that hangs keeps a statement for ever, whatever timeout it was told: it is
    the server that would have to act on it. So the call runs on a thread that is left alone when
    the time is over. `act` must do nothing but read. Raises TruthUnavailable.

    From an hour on it is no deadline: the call is made on the caller's own thread.
    """
    if seconds >= NO_DEADLINE_S:
        return act()
    call = begin(act, name="bounded-read")
    try:
        return call.result(seconds)
    except TimeoutError as error:
        if call.done():
            return call.result()  # at the last moment, or it raised the like itself
        raise TruthUnavailable(
            f"the database did not answer within {seconds * 1000:.0f} ms: see whether it hangs"
        ) from error


def _make(call: Future[T], act: Callable[[], T]) -> None:
    """Make the call, and hand over what comes of it."""
    try:
        call.set_result(act())
    except Exception as error:  # noqa: BLE001 - raised again by whoever waits
        call.set_exception(error)
