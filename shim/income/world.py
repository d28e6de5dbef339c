"""Ties the shadow engine to the farming income: calls that return a value and do nothing else.

Nothing is ever pending, so an episode is over as soon as its calls were shown to the shadow:
as a rule one call, or those of all deposits of a user in one tick. Each is compared by itself.
"""

import copy
from collections.abc import Sequence

import structlog

from shim.changed_argument import ArgumentChangedError
from shim.income.judge import judge, plain
from shim.income.ports import Calculation
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.events import LiveCall
from shim.shadow.result import Comparison, Judgement, NotCompared
from shim.sides import Side

_log = structlog.get_logger("shim")


class IncomeShadow:
    """A calculation that is shown a call, with a copy of its argument."""

    def __init__(self, name: Side, calculate: Calculation) -> None:
        self.name: str = name
        self._calculate = calculate

    def enter(self, subject: int, call: LiveCall) -> None:
        """Do nothing: there is nothing that a calculation could reach."""

    def call(self, call: LiveCall) -> object:
        """Return the amount, as plain data. Raises ArgumentChangedError."""
        given = copy.copy(call.argument)
        value = self._calculate(given)
        if given != call.argument:
            raise ArgumentChangedError("the deposit was changed: leave it as it was")
        return plain(value)

    def advance_to(self, moment: float) -> None:
        """Do nothing: a calculation has no timers."""

    def is_idle(self, subject: int) -> bool:
        """Return True: what it returned is all that it did."""
        return True

    def leave(self, subject: int) -> Sequence[Effect]:
        """Return no effects."""
        return ()


class IncomeWorld:
    """The binding of one generation of shadows. Belongs to the shadow thread."""

    def __init__(self, *, legacy: Calculation, canonical: Calculation) -> None:
        self._legacy = IncomeShadow(Side.LEGACY_SHADOW, legacy)
        self._canonical = IncomeShadow(Side.CANONICAL_SHADOW, canonical)
        self.sides = (self._legacy, self._canonical)

    def shadows_for(self, call: LiveCall) -> tuple[IncomeShadow]:
        """Return the side that does not serve."""
        return (self._legacy if call.serving == Side.CANONICAL else self._canonical,)

    def live_is_idle(self, subject: int) -> bool:
        """Return True: what a side returned is all that it did."""
        return True

    def next_turn(self) -> None:
        """Do nothing: nothing is read."""

    def notice(self, episodes: Sequence[Episode]) -> None:
        """Do nothing: a call brings along what the database held."""

    def judge(self, episodes: Sequence[Episode]) -> list[list[Judgement]]:
        """Judge each call of closed episodes by itself."""
        return [self._judge(episode) for episode in episodes]

    def _judge(self, episode: Episode) -> list[Judgement]:
        try:
            (shadow,) = episode.shadows
            live = episode.live(episode.serving, ()).calls
            shown = episode.shadow(shadow.name).calls
            served_by_legacy = episode.serving == Side.LEGACY
            return [
                judgement
                for call, one, other in zip(episode.calls, live, shown, strict=True)
                for judgement in judge(
                    call.argument,  # type: ignore[arg-type]
                    *((one, other) if served_by_legacy else (other, one)),
                )
            ]
        except Exception:  # noqa: BLE001 - one episode that cannot be judged spoils no other
            _log.exception("episode_not_judged", path=episode.calls[0].path)
            return [Judgement(each, skipped=NotCompared.BROKEN) for each in Comparison]
