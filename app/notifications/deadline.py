"""A result in time or none: for what may hang where no timeout of its own reaches."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from app.notifications.ports import TruthUnavailable

T = TypeVar("T")


class _Attempt(Generic[T]):
    """One call on a thread of its own."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._done = threading.Event()
        self._error: Exception | None = None
        self._value: list[T] = []
        threading.Thread(target=self._run, name="bounded-read", daemon=True).start()

    def result(self, seconds: float) -> T:
        """Return the value or raise the error of the call; TruthUnavailable if it is not done."""
        if not self._done.wait(seconds):
            raise TruthUnavailable(
                f"the database did not answer within {seconds * 1000:.0f} ms: see whether it hangs"
            )
        if self._error is not None:
            raise self._error
        return self._value[0]

    def _run(self) -> None:
        try:
            self._value.append(self._act())
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = error
        finally:
            self._done.set()


def within(seconds: float, act: Callable[[], T]) -> T:
    """Return what `act` returns, or raise what it raises, if that takes no longer.

    A database server that hangs keeps a statement for ever, whatever timeout it was told: it is
    the server that would have to act on it. So the call runs on a thread that is left alone when
    the time is over. `act` must do nothing but read. Raises TruthUnavailable.
    """
    return _Attempt(act).result(seconds)
