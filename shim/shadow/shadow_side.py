"""What the engine needs of an implementation that runs as a shadow."""

from collections.abc import Sequence
from typing import Protocol

from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall


class ShadowSide(Protocol):
    """An implementation that runs with recording doubles, and so cannot send."""

    name: str

    def enter(self, subject: int, call: LiveCall) -> None:
        """Put the subject's doubles in place, as things were at the episode's first call."""

    def call(self, call: LiveCall) -> object:
        """Make the call on the shadow and return its value."""

    def advance_to(self, moment: float) -> None:
        """Let the shadow's timers fire up to `moment`."""

    def is_idle(self, subject: int) -> bool:
        """Whether nothing is pending for the subject."""

    def leave(self, subject: int) -> Sequence[Effect]:
        """Take the doubles away and return what the shadow would have done."""
