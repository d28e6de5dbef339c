"""The application with a canonical that turns bad at a moment, and calls made in its workers.

gunicorn serves `bench.kit.turncoat:build()`. The moment stands in a file of the instance folder;
nothing in the product knows of it. The calls are made by a thread in each worker, through the
system's own callers: over HTTP a booking costs several times what the call costs that is measured.
"""

import itertools
import math
import os
import random
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.core.mission_service import complete_mission
from app.credits import Credit
from app.errors import DatabaseUnavailable
from app.factory import create_app
from app.money import Currency
from app.notifications.messages import BalanceFrame
from app.notifications.ports import Connection
from app.parts import Parts
from bench.kit.faults import FrameFault

USERS = range(1001, 1401)
WORKERS = 4
"""Each books for a quarter of the users, so that no two wait for the same rows."""
WRONG = Decimal(1_000_000)
"""UNI that a wrong message shows too much: nobody has as many."""
SHARE = 0.1
"""Of the messages from the moment on."""
TURN_S = 0.4
"""Between two batches of a worker: at 500 calls a second over four there are 50 calls in each."""
PER_WORKER = "CALLS_PER_WORKER"
"""The environment variable that says how many calls a second each worker makes."""
MADE = struct.Struct("<dq")
"""When a turn's calls had been made (unix seconds), and how many."""
_NEVER = math.inf


class Turncoat(FrameFault):
    """A canonical that shows some balances wrong from `bad_from` on, in unix seconds."""

    bad_from = _NEVER
    chance = random.Random()

    def frames(self, frame: BalanceFrame, connection: Connection) -> list[BalanceFrame]:
        """Return the frame as it is, or wrong."""
        if time.time() < Turncoat.bad_from or self.chance.random() >= SHARE:
            return [frame]
        return [replace(frame, uni=frame.uni + WRONG)]


class Pressure(threading.Thread):
    """Books for users at random, in batches at a steady pace, for as long as the worker runs."""

    def __init__(self, parts: Parts, *, per_second: float) -> None:
        super().__init__(name="pressure", daemon=True)
        self._parts = parts
        self._folder = parts.settings.instance_path
        self._calls = max(2, round(per_second * TURN_S))
        self._chance = random.Random(os.getpid())
        self._users: Sequence[int] = ()
        self._keys = (f"{os.getpid()}:{time.time_ns()}:{n}" for n in itertools.count())

    def run(self) -> None:
        """Begin with the worker and end with it."""
        while not self._parts.runtime.started:
            time.sleep(TURN_S)
        self._users = USERS[_claimed(self._folder) % WORKERS :: WORKERS]
        with (self._folder / f"made-{os.getpid()}").open("ab", buffering=0) as made:
            due = time.monotonic()
            while self._parts.runtime.started:
                Turncoat.bad_from = bad_from(self._folder)
                made.write(MADE.pack(time.time(), self._turn()))
                due = max(due + TURN_S, time.monotonic() - 1.0)
                time.sleep(max(0.0, due - time.monotonic()))

    def _turn(self) -> int:
        """Book a batch, and one mission; return how many were booked."""
        users = sorted(self._chance.sample(self._users, self._calls))
        try:
            outcome = self._parts.processor.process([self._farmed(user) for user in users[1:]])
            complete_mission(
                self._parts.manager, user_id=users[0], mission=next(self._keys), reward=Decimal(1)
            )
        except DatabaseUnavailable:
            return 0  # the worker stops, and the database before it
        return len(outcome.booked) + 1

    def _farmed(self, user: int) -> Credit:
        return Credit(
            user_id=user,
            currency=Currency.UNI,
            amount=Decimal("0.000123"),
            source="UNI_farming_income",
            idempotency_key=next(self._keys),
        )


def build() -> Any:
    """Return the application, under pressure; to be called in the worker, after the fork."""
    app = create_app(canonical=Turncoat)
    parts: Parts = app.extensions["parts"]
    Pressure(parts, per_second=float(os.environ[PER_WORKER])).start()
    return app


def _claimed(folder: Path) -> int:
    """Return the first number that no worker of this folder has taken."""
    for number in itertools.count():
        try:
            (folder / f"claimed-{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        break
    return number


def bad_from(folder: Path) -> float:
    """Return the moment that stands in the folder, infinity if none does."""
    try:
        return float((folder / "bad-from").read_text() or _NEVER)
    except OSError:
        return _NEVER


def turn_bad(folder: Path, at: float) -> None:
    """Have all workers turn bad at a moment that all can know of by then: unix seconds."""
    (folder / "bad-from.new").write_text(repr(at))
    (folder / "bad-from.new").replace(folder / "bad-from")


def turn_good(folder: Path) -> None:
    """Have all workers be good again."""
    (folder / "bad-from").unlink()


def made(folder: Path) -> Iterator[tuple[float, int]]:
    """Yield when calls were made in the workers of a folder, and how many."""
    for path in folder.glob("made-*"):
        yield from MADE.iter_unpack(path.read_bytes())
