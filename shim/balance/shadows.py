"""The shadows: each side built a second time, on a virtual clock and with doubles.

A shadow lives as long as its thread and serves the episodes of all users, as the live one
does: a fault that needs two users, or a second call, must be able to show.
"""

import itertools
from collections import Counter
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from functools import partial

from structlog.contextvars import bind_contextvars

from shim.balance.doubles import PUBLISH, BusDouble, ConnectionDouble, ManagerDouble
from shim.balance.rehearsal import (
    STREAK_S,
    Guest,
    RehearsingReader,
    guest_at,
    heard_at,
    is_handed_over,
    is_overtaken,
    is_streak,
    is_unreadable,
)
from shim.book import ConnectionState, each_time
from shim.changed_argument import ArgumentChangedError
from shim.legacy.connection_aware import WINDOW_S, ConnectionAwareService
from shim.legacy.ports import Balance, Connection, TimerHandle
from shim.legacy.updates import BalanceUpdate
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import CallContext
from shim.ports import NewCanonical, NewHint, TruthReader, Unavailable
from shim.shadow.clock import VirtualClock
from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall
from shim.sides import Path, Side

HANDOVER_READ_S = 86_400.0
"""Seconds for the read of a rehearsed handover, which is no deadline: speed is not rehearsed."""


_NUMBERS = itertools.count(1)
"""Of the doubles of a process: a connection's id is unique in it, as the port promises."""


class _Shadow:
    """What all shadows share: a clock, and doubles and effects by user."""

    def __init__(self, name: Side, *, start: float) -> None:
        self.name: str = name
        self._clock = VirtualClock(start=start)
        self._doubles: dict[int, list[ConnectionDouble]] = {}
        self._effects: dict[int, list[Effect]] = {}

    @property
    def moment(self) -> float:
        """What the shadow's clock shows, in seconds."""
        return self._clock.monotonic()

    def advance_to(self, moment: float) -> None:
        """Let the timers fire up to `moment`."""
        self._clock.advance_to(moment)

    def utc_at(self, moment: float) -> datetime:
        """Return the time of day that the shadow's clock had at a moment."""
        return self._clock.utc_at(moment)

    def doubles(self, subject: int) -> list[ConnectionDouble]:
        """Return the doubles of a user whose episode is open."""
        return self._doubles.get(subject, [])

    def _double(
        self, subject: int, recipient: str, *, is_open: bool = True, failed: bool = False
    ) -> ConnectionDouble:
        """Return a double whose frames are noted under `recipient`; its id is its own."""

        def record(payload: object) -> None:
            # Looked up each time: what is sent to a double that was taken away, to a
            # connection that is gone, must show in the user's next episode.
            effects = self._effects.setdefault(subject, [])
            effects.append(Effect("send", self.name, recipient, payload, self._clock.monotonic()))

        double = ConnectionDouble(
            connection_id=f"double-{next(_NUMBERS)}",
            is_open=is_open,
            failed=failed,
            record=record,
            stands_for=recipient,
        )
        self._doubles.setdefault(subject, []).append(double)
        return double

    def _double_of(self, subject: int, state: ConnectionState) -> ConnectionDouble:
        return self._double(subject, state.id, is_open=state.is_open, failed=state.failed)

    def _forget(self, subject: int) -> tuple[list[ConnectionDouble], list[Effect]]:
        return self._doubles.pop(subject, []), self._effects.pop(subject, [])


class CanonicalShadow(_Shadow):
    """The canonical service, as if it had been serving."""

    def __init__(
        self,
        *,
        new_canonical: NewCanonical,
        new_hint: NewHint,
        unavailable: Unavailable,
        truth: TruthReader,
        start: float,
    ) -> None:
        super().__init__(Side.CANONICAL_SHADOW, start=start)
        self._truth = RehearsingReader(
            truth,
            notify=self._notify,
            unavailable=unavailable,
            monotonic=self._clock.monotonic,
        )
        bus = BusDouble(self._note_publication)
        self._service = new_canonical(self._clock, self._truth, bus, lambda _: True)
        self._new_hint = new_hint
        self._subject = 0
        self._to_hand_over: set[int] = set()
        self._handed_over: list[int] = []
        self._cut_short: set[int] = set()
        self._to_notify_again: set[int] = set()
        self._streaks: dict[int, list[TimerHandle]] = {}
        # Nothing of what it tells the log happened, so none of it is to be there. A context that is
        # entered each turn: to bind the mark anew would take 6 us of the shadows' share.
        self._said_by_shadow = copy_context()
        self._said_by_shadow.run(bind_contextvars, said_by_shadow=True)

    def advance_to(self, moment: float) -> None:
        """Let the timers fire up to `moment`, once whoever is to be handed over was."""
        lost, self._handed_over = self._handed_over, []
        for subject in lost:
            self._hand_over(subject)
        self._said_by_shadow.run(super().advance_to, moment)

    @property
    def reads_well(self) -> bool:
        """Whether nothing but the candidate itself could make it late."""
        return self._truth.reads_well

    def enter(self, subject: int, call: LiveCall) -> None:
        """Register a double of each connection.

        Each has a base version from the start, so that the service greets nobody; the
        right one is set as soon as the database was looked at.
        """
        self._cut_short.discard(subject)
        for state in _each_once(CallContext.of(call).connections):
            double = self._double_of(subject, state)
            double.base_version = 0
            self._service.register_connection(subject, double)

    def set_base(self, subject: int, base: int, *, newest: int) -> Guest | None:
        """Let the user's pages show version `base`. Return which guest joins them.

        `newest` is the version that the database holds.
        """
        doubles = self.doubles(subject)
        if not any(double.is_open for double in doubles):
            return None
        for double in doubles:
            double.base_version = base
        if is_handed_over(base):
            self._to_hand_over.add(subject)
        if is_overtaken(base):
            self._truth.overtaken.add(subject)
        if is_streak(base):
            self._to_notify_again.add(subject)
        if is_unreadable(base):
            self._truth.unreadable.add(subject)
        guest = guest_at(base)
        if guest is None:
            return None
        double = self._double(subject, guest)
        if guest is Guest.BEHIND:
            double.base_version = base - 1
        elif guest is Guest.OVERHEARD:
            double.base_version, self._truth.placed[subject] = base - 1, base
        elif guest is Guest.MISLED:
            double.base_version = newest
        if guest in (Guest.OVERHEARD, Guest.MISLED):
            double.overheard = heard_at(base)
        self._service.register_connection(subject, double)
        return guest

    def call(self, call: LiveCall) -> object:
        """Notify with a hint of its own. Raises ArgumentChangedError if it was changed."""
        value = self._notify(call.subject)
        if call.subject in self._to_hand_over:
            self._to_hand_over.discard(call.subject)
            # Not now: how long that takes is no part of how long the call takes.
            self._handed_over.append(call.subject)
        if call.subject in self._to_notify_again:
            self._to_notify_again.discard(call.subject)
            again = partial(self._notify_again, call.subject)
            self._streaks[call.subject] = [self._clock.call_later(at, again) for at in STREAK_S]
        return value

    def _notify_again(self, subject: int) -> None:
        self._notify(subject)

    def _notify(self, subject: int) -> object:
        self._subject = subject
        hint = self._new_hint(subject)
        value = self._service.notify_balance_update(hint)
        if hint != self._new_hint(subject):
            raise ArgumentChangedError(f"the hint was changed to {hint!r}: leave it as it was")
        return value

    def _note_publication(self, user_id: int) -> None:
        """Note it with whoever was spoken of last: the service publishes within the call."""
        effect = Effect(PUBLISH, self.name, "bus", user_id, self._clock.monotonic())
        self._effects.setdefault(self._subject, []).append(effect)

    def is_idle(self, subject: int) -> bool:
        """Whether no window of the user is open."""
        return not self._service.is_pending(subject)

    def leave(self, subject: int) -> list[Effect]:
        """Remove the doubles and return what was said to them."""
        self._to_hand_over.discard(subject)
        self._to_notify_again.discard(subject)
        for timer in self._streaks.pop(subject, ()):
            timer.cancel()
        self._truth.forget(subject)
        doubles, effects = self._forget(subject)
        for double in doubles:
            self._service.remove_connection(subject, double)
        if self._service.is_pending(subject):
            if not self.reads_well:
                self._cut_short.add(subject)
            # It would close in the user's next episode, before that one knows what pages show.
            self._hand_over(subject)
        return effects

    def take_cut_short(self, subject: int) -> bool:
        """Tell once whether the user left before a read that had failed was made again."""
        if subject not in self._cut_short:
            return False
        self._cut_short.discard(subject)
        return True

    def _hand_over(self, subject: int) -> None:
        self._truth.handing_over = True
        try:
            self._said_by_shadow.run(
                self._service.relinquish, subject.__eq__, read_timeout=HANDOVER_READ_S
            )
        finally:
            self._truth.handing_over = False


class LegacyShadow(_Shadow):
    """Both legacy services: as production has them, or as they would be without the fault.

    The counterfactual has every connection in both services, and is handed the user id
    where the caller passed an update object by mistake. Its twin answers a call that reads a
    balance one window later, when the canonical reads it as well.
    """

    def __init__(self, name: Side, *, truth: TruthReader, start: float) -> None:
        super().__init__(name, start=start)
        self._corrected = name in (Side.COUNTERFACTUAL, Side.TWIN)
        self._late = name is Side.TWIN
        self._waiting: Counter[int] = Counter()
        self._manager = ManagerDouble(truth)
        self._connection_aware = ConnectionAwareService(
            clock=self._clock, skipped=self._note_skipped
        )
        self._skipped: dict[int, list[Effect]] = {}
        self._user_id_only = UserIdOnlyService(balance_manager=self._manager, clock=self._clock)

    def enter(self, subject: int, call: LiveCall) -> None:
        """Register doubles: where production has them, or everywhere."""
        self._skipped.pop(subject, None)
        states = CallContext.of(call).connections
        for state in _each_once(states) if self._corrected else each_time(states):
            double = self._double_of(subject, state)
            if self._corrected or state.path is Path.CONNECTION_AWARE:
                self._connection_aware.register_connection(subject, double)
            if self._corrected or state.path is Path.USER_ID_ONLY:
                self._user_id_only.add_connection(subject, double)

    def call(self, call: LiveCall) -> object:
        """Make the call by its path."""
        cached = CallContext.of(call).cached
        argument = self._correct(call) if self._corrected else call.argument
        if call.path == Path.CONNECTION_AWARE:
            self._connection_aware.notify_balance_update(argument)  # type: ignore[arg-type]
        elif self._late:
            self._waiting[call.subject] += 1
            answer = partial(self._answer_late, call.subject, argument, cached)
            self._clock.call_later(WINDOW_S, answer)
        else:
            self._answer(argument, cached)
        return None

    def _answer(self, argument: object, cached: Balance | None) -> None:
        self._manager.cached = cached
        self._user_id_only.notify_balance_update(argument)  # type: ignore[arg-type]

    def _answer_late(self, subject: int, argument: object, cached: Balance | None) -> None:
        self._waiting -= Counter((subject,))
        self._answer(argument, cached)

    def is_idle(self, subject: int) -> bool:
        """Whether no window of the user is open, and nothing is to be answered."""
        return not (self._connection_aware.is_pending(subject) or self._waiting[subject])

    def leave(self, subject: int) -> list[Effect]:
        """Remove the doubles and return what was said to them."""
        doubles, effects = self._forget(subject)
        for double in doubles:
            self._connection_aware.remove_connection(subject, double)
            self._user_id_only.remove_connection(subject, double)
        return effects

    def take_skipped(self, subject: int) -> tuple[Effect, ...]:
        """Return what live pages were not sent, for a dead connection stood before them."""
        return tuple(self._skipped.pop(subject, ()))

    def _note_skipped(self, user_id: object, connection: Connection, text: str) -> None:
        if not isinstance(user_id, int) or not isinstance(connection, ConnectionDouble):
            return
        if connection.is_alive:
            moment = self._clock.monotonic()
            effect = Effect("skipped", self.name, connection.stands_for, text, moment)
            self._skipped.setdefault(user_id, []).append(effect)

    def _correct(self, call: LiveCall) -> object:
        if call.path == Path.USER_ID_ONLY:
            return call.subject
        if isinstance(call.argument, BalanceUpdate):
            return replace(call.argument, user_id=call.subject)
        return call.argument


def _each_once(states: tuple[ConnectionState, ...]) -> list[ConnectionState]:
    return list({state.id: state for state in states}.values())
