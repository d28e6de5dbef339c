"""What the guard's own threads cost in the worker that leads, with the counts of many calls.

The application is started as in a worker. What its shadows would count is counted for it, and
three further workers hand in as much as it does.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from app.factory import create_app
from app.parts import Course, Parts
from app.settings import Settings
from bench.kit.table import Row
from flags.admin import EmbeddedAdmin
from flags.decision import MIGRATIONS
from flags.embedded import ensure_flag_file
from shim.shadow.activity import MARK
from shim.shadow.events import LiveCall
from shim.shadow.ledger_store import Batch
from shim.shadow.result import Comparison, Outcome, Result
from shim.sides import Side

PER_SECOND, WORKERS = 10_000, 4
LEADS_S = 3.5
"""Until the worker leads and the guard has settled."""
FEED_S = 0.1
BATCH_S = 1.0
"""As often do workers hand in while users are moved."""
CALLERS = ("batch_balance_processor", "ton_boost_scheduler", "websocket_balance_integration")
CLASSES = (f"{MARK}rare", f"{MARK}often")
KNOWN = 20
"""Fingerprints of what is known, which diverges in every tenth call."""
GUARDS = ("guard", "guard-over-all")


def cost(folder: Path, *, database_url: str, seconds: float) -> list[Row]:
    """Return what each of the guard's threads takes of a core, and both together.

    In a process of its own: one application is built in a process, and it prints its log.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_silence) as pool:
        return pool.submit(_cost, folder, database_url, seconds).result()


def _silence() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _cost(folder: Path, database_url: str, seconds: float) -> list[Row]:
    with _running(folder, database_url) as parts:
        feed = _Feed(parts)
        feed.run(LEADS_S)
        clocks = {
            thread.name: time.pthread_getcpuclockid(thread.ident)
            for thread in threading.enumerate()
            if thread.name in GUARDS and thread.ident is not None
        }
        before, began = _read(clocks), time.monotonic()
        feed.run(seconds)
        took, after = time.monotonic() - began, _read(clocks)
    shares = {name: (after[name] - before[name]) / took * 100 for name in GUARDS}
    rows = [Row(name, "of a core", "%", share, digits=2) for name, share in shares.items()]
    both = Row(
        "both, in the worker that leads", "of a core", "%", sum(shares.values()), 1, digits=2
    )
    return [*rows, both, Row("calls", "counted", "a second", feed.calls / feed.took)]


def _read(clocks: Mapping[str, int]) -> dict[str, float]:
    return {name: time.clock_gettime(clock) for name, clock in clocks.items()}


@contextmanager
def _running(folder: Path, database_url: str) -> Iterator[Parts]:
    """Start the application with everybody on canonical and compared."""
    folder.mkdir(parents=True)
    settings = Settings(instance_path=folder, database_url=database_url, schedulers=False)
    ensure_flag_file(settings.flag_file)
    for pair in MIGRATIONS:
        for flag in (pair.canonical, pair.shadow):
            EmbeddedAdmin(settings.flag_file).set_percentage(flag, 100)
    parts: Parts = create_app(settings).extensions["parts"]
    parts.database.upgrade()
    parts.runtime.start()
    try:
        yield parts
    finally:
        parts.runtime.stop()
        parts.database.dispose()


class _Feed:
    """Counts as the shadows of a worker do, and hands in as other workers do."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._chance = random.Random(1)
        self._batch = 0
        self.calls = 0
        self.took = 0.0

    def run(self, seconds: float) -> None:
        """Go on for so long, at the stated rate over all workers."""
        began = due = time.monotonic()
        handed_in = began
        while due - began < seconds:
            for course in self._parts.courses.values():
                self._count(course, round(PER_SECOND / WORKERS * FEED_S))
            self.calls += round(PER_SECOND * FEED_S)
            if due - handed_in >= BATCH_S:
                handed_in = due
                self._hand_in()
            due += FEED_S
            time.sleep(max(0.0, due - time.monotonic()))
        self.took += time.monotonic() - began

    def _count(self, course: Course, calls: int) -> None:
        counts, ledger = course.shadowing.counts, course.shadowing.ledger
        call = LiveCall(0.0, "", 1, None, Side.CANONICAL, None, None, None)
        for number in range(calls):
            callers = (self._chance.choice(CALLERS), self._chance.choice(CLASSES))
            for comparison in Comparison:
                counts.add(Result(comparison, Outcome.MATCHED), call, callers=callers)
            for side in ("canonical live", "production_shadow shadow"):
                counts.ran(call, side, self._chance.expovariate(10_000), raised=False)
            if number % 10 == 0:
                mark = f"{self._chance.randrange(KNOWN):016x}"
                known = Result(
                    Comparison.REACH, Outcome.KNOWN, fingerprint=mark, known="legacy-reaches-nobody"
                )
                ledger.note(known, callers=callers)
                counts.add(known, call, callers=callers)

    def _hand_in(self) -> None:
        """Add what three more workers like this one would have counted meanwhile."""
        self._batch += 1
        for name, course in self._parts.courses.items():
            calls = round(PER_SECOND / WORKERS * BATCH_S)
            new = dict.fromkeys(course.shadowing.counts.cells, calls)
            for worker in range(1, WORKERS):
                course.ledger.add(Batch(f"other:{worker}:0:{name}", self._batch, new, ()))
