"""When the income is paid: both schedulers, each on its own interval, on threads of APScheduler."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger(__name__)


class Payer(Protocol):
    """Whoever pays the income of one tick."""

    def run_once(self, now: datetime) -> object:
        """Pay the tick of `now`, once over all processes."""


def every(interval_s: float) -> IntervalTrigger:
    """Return the trigger that fires at the whole multiples of the interval since 1970."""
    return IntervalTrigger(seconds=interval_s, start_date=_EPOCH, timezone=UTC)


class Schedulers:
    """Runs farming and boosts at the whole multiples of their intervals, in seconds.

    One worker of all that use the database runs them: see `app.leadership`. Ticks are counted
    the same way everywhere and booked under their number, so that a tick that two workers run is
    paid once. A run that fails is logged, and the next one comes in its time.
    """

    def __init__(
        self, farming: Payer, boost: Payer, *, farming_interval_s: float, boost_interval_s: float
    ) -> None:
        self._jobs = {
            "farming": (farming, farming_interval_s),
            "boost": (boost, boost_interval_s),
        }
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Start the threads; to be called after the fork, and once until `stop`."""
        # A late run is made all the same, and several that are due are one.
        defaults = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        scheduler = BackgroundScheduler(timezone=UTC, job_defaults=defaults)
        for name, (payer, interval_s) in self._jobs.items():
            scheduler.add_job(
                partial(_run, name, payer.run_once), every(interval_s), id=name, name=name
            )
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Wait for the runs that are under way, and end the threads."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None


def _run(name: str, run_once: Callable[[datetime], object]) -> None:
    try:
        run_once(datetime.now(UTC))
    except Exception:  # noqa: BLE001 - the next tick must run, whatever became of this one
        _log.exception("scheduled_run_failed", scheduler=name)
