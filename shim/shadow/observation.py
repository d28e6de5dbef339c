"""One side's run of an episode, in two phases: the calls, then what they settled to.

A side may act long after its call returned (from a timer), so what a call returned
says little about what it did. The first phase is the calls with their value or error;
the second the effects, complete once the side reports that nothing is pending.
"""

from dataclasses import dataclass

from shim.shadow.effects import Effect


@dataclass(frozen=True, slots=True)
class Raised:
    """An error as data: the class's name and its message."""

    kind: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> "Raised":
        """Write an error down; an error whose message cannot be had still has its class."""
        try:
            message = str(error)
        except BaseException as broken:  # noqa: BLE001 - a hostile __str__ must not pass
            message = f"<no message: {type(broken).__name__}>"
        return cls(type(error).__name__, message[:500])


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The first phase of one call: its value or error, and its duration in seconds."""

    value: object
    raised: Raised | None
    duration: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One side's run. `settled` is False when the episode was closed with work pending."""

    side: str
    live: bool
    calls: tuple[CallOutcome, ...]
    effects: tuple[Effect, ...]
    settled: bool
