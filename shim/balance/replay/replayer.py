"""Ties replay to balance notifications."""

from collections.abc import Collection, Iterable

from shim.balance.life.page import NewPage
from shim.balance.lines import observation_records
from shim.balance.replay.capture import case_of
from shim.balance.replay.case import BalanceCase
from shim.balance.replay.from_log import case_of_line
from shim.balance.replay.run import NewCanonical, replay
from shim.balance.replay.stand_in import without_names
from shim.ports import NewHint, Unavailable
from shim.replay.replayer import Replayer
from shim.shadow.result import Comparison
from shim.sides import Side

_EXPECTS: dict[Comparison, Collection[Side]] = {
    Comparison.REACH: (Side.LEGACY, Side.PRODUCTION_SHADOW),
    Comparison.TRUTH: (),
    Comparison.SAYING: (Side.COUNTERFACTUAL,),
}


def balance_replayer(
    *,
    new_canonical: NewCanonical,
    new_hint: NewHint,
    new_page: NewPage,
    unavailable: Unavailable,
) -> Replayer[BalanceCase]:
    """Return what runs a case on the canonical as `new_canonical` builds it."""
    return Replayer(
        form=BalanceCase,
        case_of=case_of,
        case_of_line=case_of_line,
        run=lambda case: replay(
            case,
            new_canonical=new_canonical,
            new_hint=new_hint,
            new_page=new_page,
            unavailable=unavailable,
        ),
        without_names=without_names,
        observations=observation_records,
        expects=_EXPECTS.__getitem__,
        held=_held,
    )


def _held(case: BalanceCase) -> Iterable[str]:
    """Yield what the database answered, each time it was asked."""
    for look in case.looks:
        yield f"after {look.at:.3f} s version {look.version}: {look.uni} UNI, {look.ton} TON"
