"""Doubles for what the legacy services are handed."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from shim.legacy.javascript import map_key

BOUND_S = 60.0
"""How long a read waits at most: a test that hangs is a failure."""


class SocketDouble:
    """A connection that records what is sent on it, in a log that its scenario shares."""

    def __init__(self, name, log):
        self.name = name
        self.is_open = True
        self.broken = False
        self._log = log

    def send(self, text):
        if self.broken:
            raise ConnectionError(f"connection {self.name} is broken")
        self._log.append((self.name, text))


@dataclass(frozen=True, slots=True)
class BalanceDouble:
    uni: object
    ton: object


@dataclass(frozen=True, slots=True)
class AnswerDouble:
    """What production's own manager answers, also for whom it does not know."""

    success: bool
    balance: BalanceDouble | None


class ManagerDouble:
    """A balance manager that answers what it was told and raises for everybody else."""

    def __init__(self):
        self.on_balance_update = None
        self.balances = {}
        self.reads = 0

    def get_user_balance(self, user_id):
        self.reads += 1
        return self.balances[map_key(user_id)]

    def set_balance(self, user_id: object, balance: BalanceDouble) -> None:
        self.balances[map_key(user_id)] = balance


class RealManagerDouble(ManagerDouble):
    """Answers as production's own manager does: an envelope, for everybody."""

    def get_user_balance(self, user_id: Hashable) -> AnswerDouble:
        self.reads += 1
        balance = self.balances.get(map_key(user_id))
        return AnswerDouble(balance is not None, balance)


class SlowReads:
    """Stands before a manager whose answers come at the end of a tick of the event loop.

    What is asked is looked up at once, as an async function does it; whoever asks on a thread
    of `begin` then waits for `end_tick`.
    """

    def __init__(self, manager: ManagerDouble) -> None:
        self.manager = manager
        self._waiting: list[tuple[threading.Thread, threading.Event]] = []
        self._errors: list[Exception] = []
        self._local = threading.local()

    @property
    def on_balance_update(self):
        return self.manager.on_balance_update

    @on_balance_update.setter
    def on_balance_update(self, hook):
        self.manager.on_balance_update = hook

    def get_user_balance(self, user_id: object) -> object:
        try:
            return self.manager.get_user_balance(user_id)
        finally:
            self._wait()

    def begin(self, call) -> None:
        """Run `call` up to its read; `end_tick` runs the rest."""
        reading, answered = threading.Event(), threading.Event()

        def run() -> None:
            self._local.events = (reading, answered)
            try:
                call()
            except Exception as error:
                self._errors.append(error)
            finally:
                reading.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert reading.wait(BOUND_S), "the call neither reads nor returns"
        self._waiting.append((thread, answered))

    def end_tick(self) -> None:
        """Let every read return, in the order in which they were asked for.

        Raises what a call raised.
        """
        waiting, self._waiting = self._waiting, []
        for thread, answered in waiting:
            answered.set()
            thread.join(BOUND_S)
            assert not thread.is_alive(), "the call does not end"
        if self._errors:
            raise self._errors.pop()

    def _wait(self) -> None:
        events = getattr(self._local, "events", None)
        if events is not None:
            reading, answered = events
            reading.set()
            assert answered.wait(BOUND_S), "nobody ended the tick"
