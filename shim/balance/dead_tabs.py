"""Legacy's fault that a live page is skipped where a dead connection stands before it.

The counterfactual notes what it would have sent to whom it skipped. A difference is that fault,
and nothing else, just if there is none any more once that was sent.
"""

from collections.abc import Iterable, Sequence

from shim.balance.known import DEAD_TAB_IN_REACH, DEAD_TAB_IN_SAYING, known_if_mended
from shim.shadow.effects import Effect
from shim.shadow.result import Comparison, Judgement

_IDS = {Comparison.REACH: DEAD_TAB_IN_REACH, Comparison.SAYING: DEAD_TAB_IN_SAYING}


def with_skipped(
    sent: Sequence[Effect], skipped: Sequence[Effect], order: Iterable[str]
) -> tuple[Effect, ...]:
    """Return what would have been sent: each frame to the connections in their order."""
    rank = {connection: number for number, connection in enumerate(order)}

    def place(effect: Effect) -> tuple[float, int]:
        return effect.at, rank.get(effect.recipient, len(rank))

    return tuple(sorted([*sent, *skipped], key=place))


def judged_again(judgement: Judgement, mended: object, skipped: Sequence[str]) -> Judgement:
    """Return the judgement as that of the fault, if there is a difference and it is just that.

    `mended` is what would have been expected had nobody been skipped; `skipped` names who was.
    """
    if judgement.known is not None:
        return judgement
    return known_if_mended(
        judgement,
        mended,
        known=_IDS[judgement.comparison],
        expected={"skipped": []},
        actual={"skipped": list(skipped)},
    )
