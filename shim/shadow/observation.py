"""One side's run of an episode, in two phases: the calls, then what they settled to.

A side may act long after its call returned (from a timer), so what a call returned
says little about what it did. The first phase is the calls with their value or error;
the second the effects, complete once the side reports that nothing is pending.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall
from shim.shadow.words import encodable

_LONGEST = 500
_PASSING = re.compile(
    r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?"  # a time
    r"|0x[0-9a-fA-F]+"  # an address in memory
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # a UUID
    r"|\d+(?:\.\d+)?"
)
"""What an error's message says of this one occurrence: the same error has other numbers."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An error as data: the class's name, and its message with `#` for each number.

    So the same error of two calls is the same, in the comparison and in the log, and a user id
    in a message goes no further.
    """

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        """Write an error down; an error whose message cannot be had still has its class."""
        try:
            message = _PASSING.sub("#", str(error)[: 4 * _LONGEST])
        except BaseException as broken:  # noqa: BLE001 - a hostile __str__ must not pass
            message = f"<no message: {type(broken).__name__}>"
        return cls(type(error).__name__, encodable(message[:_LONGEST]))


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The first phase of one call: its value or error, and its duration in seconds.

    `left_behind` is how many more threads there were after it than before.
    """

    value: object
    raised: Raised | None
    duration: float
    left_behind: int = 0


def observed(
    run: Callable[[LiveCall], object], call: LiveCall, *, timer: Callable[[], float]
) -> CallOutcome:
    """Show a shadow one call; what it raises, whatever it is, is data."""
    threads, started = threading.active_count(), timer()
    value, raised = None, None
    try:
        value = run(call)
    except BaseException as error:  # noqa: BLE001 - a shadow may raise anything at all
        raised = Raised.of(error)
    duration = timer() - started
    return CallOutcome(value, raised, duration, threading.active_count() - threads)


@dataclass(frozen=True, slots=True)
class Observation:
    """One side's run. `settled` is False when the episode was closed with work pending."""

    side: str
    live: bool
    calls: tuple[CallOutcome, ...]
    effects: tuple[Effect, ...]
    settled: bool
