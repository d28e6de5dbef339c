"""Runs a case: a small migration on a virtual clock, compared by the engine that compares live.

Both sides run as they are in the code now, the one that was in charge on doubles of the browsers'
connections and the others as shadows. What cannot show is a fault that needs what is not in
the case: another user's episode, or an earlier one of the same user.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.latch import NEVER_ENGAGED
from flags.provider import StaticProvider
from shim.balance.doubles import ConnectionDouble
from shim.balance.life.lives import OneLife
from shim.balance.life.page import NewPage
from shim.balance.life.stage import Stage
from shim.balance.replay.case import Argument, BalanceCall, BalanceCase, UpdateArgument
from shim.balance.replay.recorded import RecordedDatabase, RecordedManager, cached, money
from shim.balance.world import BalanceWorld
from shim.facade import ConnectionAwareFacade, UserIdOnlyFacade
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.updates import BalanceUpdate
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import Migration
from shim.ports import (
    Bus,
    CanonicalService,
    Clock,
    NewHint,
    Serves,
    TruthReader,
    Unavailable,
)
from shim.replay.case import CaseError
from shim.replay.finding import Replayed, judged
from shim.shadow.clock import VirtualClock
from shim.shadow.counts import Counts
from shim.shadow.episode import EPISODE_LIMIT, Episode
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue
from shim.shadow.result import Comparison, Result
from shim.sides import Path, Side

TURN = 0.005
"""Seconds between two turns once everything recorded has happened."""
QUEUE = 100_000

NewCanonical = Callable[[Clock, TruthReader, Bus | None, Serves], CanonicalService]
"""Builds the canonical service as it is now."""


def replay(
    case: BalanceCase,
    *,
    new_canonical: NewCanonical,
    new_hint: NewHint,
    new_page: NewPage,
    unavailable: Unavailable,
) -> Replayed:
    """Run both sides on a case. Raises CaseError if they do not take it."""
    try:
        stage = _Stage(case, new_canonical, new_hint, new_page, unavailable)
        stage.play()
    except Exception as error:
        raise CaseError(
            "the sides as they are in the code now do not take this case"
            f" ({type(error).__name__}: {error}): record the divergence anew, or delete the case"
        ) from error
    if stage.world.episode is None:
        raise CaseError("the case's calls opened no episode: its user ids are none")
    return judged(case, stage.published, stage.counts, stage.world.episode, stage.database.lacks)


class _WatchedWorld(BalanceWorld):
    """Keeps the one episode open until all of the case has happened, as it was then."""

    episode: Episode | None = None
    held_open = True

    def live_is_idle(self, subject: int) -> bool:
        """Whether the live sides have nothing pending and nothing of the case is to come."""
        return not self.held_open and super().live_is_idle(subject)

    def notice(self, episodes: Sequence[Episode]) -> None:
        """Remember the episode for whoever shows it."""
        self.episode = self.episode or episodes[0]
        super().notice(episodes)


class _Stage:
    """The migration of one case, before its first call."""

    def __init__(
        self,
        case: BalanceCase,
        new_canonical: NewCanonical,
        new_hint: NewHint,
        new_page: NewPage,
        unavailable: Unavailable,
    ) -> None:
        self._case = case
        self._clock = VirtualClock()
        self.database = RecordedDatabase(case, self._clock)
        self._manager = RecordedManager(self.database)
        self._migration = self._build_migration(new_canonical, new_hint)
        self.counts = Counts()
        self.published: dict[Comparison, Result] = {}

        new_stage = partial(
            Stage,
            new_canonical=new_canonical,
            new_hint=new_hint,
            new_page=new_page,
            unavailable=unavailable,
        )
        self.world = _WatchedWorld(
            migration=self._migration,
            truth=self.database,
            bookings=self.database,
            new_canonical=new_canonical,
            new_hint=new_hint,
            unavailable=unavailable,
            lives=OneLife(case.life, new_stage),
            counts=self.counts,
            monotonic=self._clock.monotonic,
        )
        self._experiment = Experiment(
            world=self.world,
            counts=self.counts,
            publish=self._publish,
            timer=self._clock.monotonic,
        )
        self._facades = self._connect()

    def play(self) -> None:
        """Let everything happen at its moment, then wait until the episode is over."""
        for moment, call in _moments(self._case):
            self._advance(moment)
            if call is None:
                self._turn()
            else:
                self._call(call)
        self.world.held_open = False
        until = self._clock.monotonic() + 2 * EPISODE_LIMIT
        self._turn()
        while self._experiment.open_episodes and self._clock.monotonic() < until:
            self._advance(self._clock.monotonic() + TURN)
            self._turn()

    def _build_migration(self, new_canonical: NewCanonical, new_hint: NewHint) -> Migration:
        percent = 100 if self._case.serving is Side.CANONICAL else 0
        provider = StaticProvider({CANONICAL_FLAG: percent, SHADOW_FLAG: 100})
        provider.poll()
        migration = Migration(
            flags=provider.state,
            latch=NEVER_ENGAGED,
            new_hint=new_hint,
            manager=self._manager,
            queue=EventQueue(QUEUE),
            monotonic=self._clock.monotonic,
        )
        migration.attach(
            connection_aware=ConnectionAwareService(clock=self._clock),
            user_id_only=UserIdOnlyService(balance_manager=self._manager, clock=self._clock),
            canonical=new_canonical(self._clock, self.database, None, migration.serves),
        )
        return migration

    def _connect(self) -> dict[Path, ConnectionAwareFacade | UserIdOnlyFacade]:
        """Register the connections in the state that they had at the first call."""
        aware, by_id = self._migration.connection_aware, self._migration.user_id_only
        connection_aware = ConnectionAwareFacade(self._migration, aware, aware.register_connection)
        user_id_only = UserIdOnlyFacade(self._migration, by_id, by_id.add_connection)
        doubles: dict[str, ConnectionDouble] = {}
        for state in self._case.calls[0].connections:
            double = doubles.setdefault(state.id, self._double(state.id, is_open=state.is_open))
            double.base_version = state.base_version
            if state.path is Path.CONNECTION_AWARE:
                connection_aware.register_connection(self._case.user, double)
            else:
                user_id_only.add_connection(self._case.user, double)
        entries = self._migration.book.entries(self._case.user)
        for state, entry in zip(self._case.calls[0].connections, entries, strict=True):
            entry.legacy.failed = entry.canonical.failed = state.failed
        return {Path.CONNECTION_AWARE: connection_aware, Path.USER_ID_ONLY: user_id_only}

    def _double(self, id_: str, *, is_open: bool) -> ConnectionDouble:
        """Return a connection that fails if it was ever seen to."""
        case = self._case
        states = [*case.connections_after, *(s for call in case.calls for s in call.connections)]
        double = ConnectionDouble(
            connection_id=id_,
            is_open=is_open,
            failed=any(state.failed for state in states if state.id == id_),
            record=lambda payload: None,
        )
        before = next((sent for sent in case.sent if sent.to == id_), None)
        double.overheard = None if before is None else before.overheard
        return double

    def _call(self, call: BalanceCall) -> None:
        self._manager.show(self._case.user, cached(call.cached))
        argument: Any = _argument(call.argument)
        try:
            self._facades[call.path].notify_balance_update(argument)
        except Exception:  # noqa: BLE001 - it is in the call, and will be compared
            return

    def _advance(self, moment: float) -> None:
        """Let the live sides' timers fire; one that raises keeps no other from it."""
        while True:
            try:
                self._clock.advance_to(moment)
            except Exception:  # noqa: BLE001, S112 - as on the live sides' own clock
                continue
            return

    def _turn(self) -> None:
        queue = self._migration.queue
        self._experiment.step(
            self._clock.monotonic(), lambda: queue.take(QUEUE), queue.take_holed()
        )

    def _publish(self, episode: Episode, result: Result) -> None:
        self.published[result.comparison] = result


def _moments(case: BalanceCase) -> Iterator[tuple[float, BalanceCall | None]]:
    """Yield what happens, in order: calls, and the turns in which the database was asked."""
    calls = [(call.started, 0, call) for call in case.calls]
    looks = [(at, 1, None) for at in sorted({look.at for look in case.looks})]
    for moment, _, call in sorted([*calls, *looks], key=lambda each: each[:2]):
        yield moment, call


def _argument(argument: Argument) -> object:
    if not isinstance(argument, UpdateArgument):
        return argument.user_id
    return BalanceUpdate(
        user_id=argument.user_id,  # type: ignore[arg-type] # callers pass what they like
        balance_uni=money(argument.balance_uni),
        balance_ton=money(argument.balance_ton),
        change_amount=money(argument.change_amount),
        currency=argument.currency,
        source=argument.source,
        timestamp=argument.timestamp,
    )
