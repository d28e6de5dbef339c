"""The shadows of both legacy services together."""

from collections import Counter
from dataclasses import replace
from functools import partial

from shim.balance.doubles import ConnectionDouble, ManagerDouble
from shim.balance.shadow import Shadow, each_once
from shim.book import each_time
from shim.legacy.connection_aware import WINDOW_S, ConnectionAwareService
from shim.legacy.ports import Balance, Connection
from shim.legacy.updates import BalanceUpdate
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import CallContext
from shim.ports import TruthReader
from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall
from shim.sides import Path, Side


class LegacyShadow(Shadow):
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
        for state in each_once(states) if self._corrected else each_time(states):
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
