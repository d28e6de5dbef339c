"""Runs a case of the farming income: the drop-in, and the engine that compares live.

Both calculations run as they are in the code now, the one that was in charge behind the drop-in
and the other one as the shadow. They ask nobody anything, so a case has all there was.
"""

from collections.abc import Sequence

from flags.decision import FARMING_INCOME
from flags.latch import NEVER_ENGAGED
from flags.provider import StaticProvider
from shim.income.facade import IncomeFacade
from shim.income.ports import Calculation
from shim.income.replay.case import IncomeCase
from shim.income.world import IncomeWorld
from shim.replay.case import CaseError
from shim.replay.finding import Replayed, judged
from shim.shadow.counts import Counts
from shim.shadow.episode import Episode
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue
from shim.shadow.result import Comparison, Result
from shim.sides import Side

_TURNS = 3
"""One takes the calls, one closes their episode, one is to spare."""


def replay(case: IncomeCase, *, legacy: Calculation, canonical: Calculation) -> Replayed:
    """Run both calculations on a case. Raises CaseError if they do not take it."""
    published: dict[Comparison, Result] = {}
    counts = Counts()

    def publish(_: Episode, result: Result) -> None:
        """Keep what is as it was before what is otherwise: each call is compared by itself."""
        if result.fingerprint == case.fingerprint or result.comparison not in published:
            published[result.comparison] = result

    queue = EventQueue(len(case.calls))
    world = _WatchedWorld(legacy=legacy, canonical=canonical)
    experiment = Experiment(world=world, counts=counts, publish=publish, timer=_no_time)
    facade = _facade(case, queue, legacy, canonical)
    for call in case.calls:
        try:
            facade.income_of(call.deposit)
        except Exception:  # noqa: BLE001, S112 - it is in the call, and will be compared
            continue
    for _ in range(_TURNS):
        experiment.step(_no_time(), lambda: queue.take(len(case.calls)), queue.take_holed())
    if world.episode is None:
        raise CaseError("the case's calls opened no episode: its user ids are none")
    return judged(case, published, counts, world.episode)


class _WatchedWorld(IncomeWorld):
    """Remembers the one episode for whoever shows it."""

    episode: Episode | None = None

    def notice(self, episodes: Sequence[Episode]) -> None:
        """Keep it."""
        self.episode = episodes[0]


def _facade(
    case: IncomeCase, queue: EventQueue, legacy: Calculation, canonical: Calculation
) -> IncomeFacade:
    percent = 100 if case.serving is Side.CANONICAL else 0
    provider = StaticProvider({FARMING_INCOME.canonical: percent, FARMING_INCOME.shadow: 100})
    provider.poll()
    return IncomeFacade(
        legacy=legacy,
        canonical=canonical,
        flags=provider.state,
        latch=NEVER_ENGAGED,
        queue=queue,
    )


def _no_time() -> float:
    """Return the one moment at which a case happens: a calculation waits for nothing."""
    return 0.0
