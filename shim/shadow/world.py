"""What the engine needs of a binding, and of whoever is told of its results."""

from collections.abc import Callable, Sequence
from typing import Protocol

from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.result import Judgement, Result
from shim.shadow.shadow_side import ShadowSide


class World(Protocol):
    """The binding: everything that the engine does not know about what is compared."""

    @property
    def sides(self) -> Sequence[ShadowSide]:
        """All shadows, in the order in which they are run."""

    def shadows_for(self, call: LiveCall) -> Sequence[ShadowSide]:
        """Return the shadows that an episode opened by this call needs."""

    def live_is_idle(self, subject: int) -> bool:
        """Whether the live sides have nothing pending for the subject."""

    def next_turn(self) -> None:
        """Hear that a new turn begins: what was read before may be old by now."""

    def notice(self, episodes: Sequence[Episode]) -> None:
        """Look at the system of record: these episodes had a call, which their shadows see next.

        Say in `Episode.noise` in what legacy is compared with itself as well.
        """

    def judge(self, episodes: Sequence[Episode]) -> Sequence[Sequence[Judgement]]:
        """Return the judgements of each of these closed episodes, in the same order."""


Publish = Callable[[Episode, Result], None]
"""Told of every result that is neither a match nor merely not compared."""


def forget(_: Episode, __: Result) -> None:
    """Publish nothing."""
