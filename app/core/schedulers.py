"""When the income is paid: both schedulers, each on its own interval and thread."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog
from apscheduler.triggers.interval import IntervalTrigger

from app.steady import SteadyClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger(__name__)


class Payer(Protocol):
    """Whoever pays the income of one tick."""

    def run_once(self, now: datetime) -> object:
        """Pay the tick of `now`, once over all processes."""


def every(interval_s: float) -> IntervalTrigger:
    """Return the trigger that fires at the whole multiples of the interval since 1970."""
    return IntervalTrigger(seconds=interval_s, start_date=_EPOCH, timezone=UTC)


class Clock(Protocol):
    """A time of day that is not set."""

    def now(self) -> datetime:
        """Return it, aware, in UTC."""


class Schedulers:
    """Runs farming and boosts at once, and at the whole multiples of their intervals, in seconds.

    One worker of all that use the database runs them: see `app.leadership`. Ticks are counted
    the same way everywhere and booked under their number, so that a tick that two workers run is
    paid once, and one that was paid before a restart is not paid again. A run that fails is
    logged, and the next one comes in its time.

    It waits by the monotonic clock and counts ticks by a `clock` that is not set: APScheduler's
    own scheduler waits by the machine's, so that an hour back is an hour without income.
    """

    def __init__(
        self,
        farming: Payer,
        boost: Payer,
        *,
        farming_interval_s: float,
        boost_interval_s: float,
        clock: Callable[[], Clock] = SteadyClock,
    ) -> None:
        self._jobs = {
            "farming": (farming, farming_interval_s),
            "boost": (boost, boost_interval_s),
        }
        self._clock = clock
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads; to be called after the fork, and once until `stop`."""
        self._stopping = threading.Event()
        for name, (payer, interval_s) in self._jobs.items():
            work = (name, payer, interval_s, self._stopping)
            thread = threading.Thread(target=self._run, args=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Wait for the runs that are under way, and end the threads."""
        self._stopping.set()
        while self._threads:
            self._threads.pop().join()

    def _run(self, name: str, payer: Payer, interval_s: float, stopping: threading.Event) -> None:
        trigger, clock = every(interval_s), self._clock()
        now = clock.now()
        due = trigger.get_next_fire_time(None, now)
        while True:
            _run_once(name, payer, now)
            if stopping.wait(max(0.0, (due - clock.now()).total_seconds())):
                return
            now = max(due, clock.now())
            due += trigger.interval
            if due <= now:  # several that are late are one
                due = trigger.get_next_fire_time(None, now)


def _run_once(name: str, payer: Payer, now: datetime) -> None:
    try:
        payer.run_once(now)
    except Exception:  # noqa: BLE001 - the next tick must run, whatever became of this one
        _log.exception("scheduled_run_failed", scheduler=name)
