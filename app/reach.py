"""Builds what reaches browsers: the live sides, the bus between workers, and the sweep."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from app.adapters.departures import SqlDepartures
from app.adapters.redis_bus import RedisBus
from app.adapters.truth import SqlTruthReader
from app.core.balance_manager import BalanceManager
from app.database import Database
from app.notifications.bus import InProcessBus
from app.notifications.service import BalanceNotifications, NewNotifications
from app.notifications.sweep import Sweep
from app.notifications.timers import TimerThread
from app.runtime import Service
from app.secret import signing_key
from app.settings import Settings
from shim.legacy.connection_aware import ConnectionAwareService
from shim.legacy.user_id_only import UserIdOnlyService
from shim.migration import Migration

_log = structlog.get_logger("app")


@dataclass(frozen=True, slots=True)
class Reach:
    """The canonical service and what feeds it; `services` in the order of their start."""

    canonical: BalanceNotifications
    sweep: Sweep
    bus: InProcessBus | RedisBus
    services: tuple[tuple[str, Service], ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What does not work at this moment; browsers are reached all the same, only later."""
        if isinstance(self.bus, InProcessBus):
            return ()
        return tuple(f"the bus: {what} fails" for what in self.bus.problems)

    def snapshot(self) -> dict[str, Any]:
        """Return what was counted, as plain data."""
        return {
            "canonical": asdict(self.canonical.counters),
            "sweep": self.sweep.snapshot(),
            "bus": {} if isinstance(self.bus, InProcessBus) else self.bus.snapshot(),
        }


def build_reach(
    settings: Settings,
    *,
    migration: Migration,
    manager: BalanceManager,
    database: Database,
    canonical: NewNotifications,
) -> Reach:
    """Build and attach the live sides; nothing is started.

    Each has a timer thread of its own: the canonical reads the database on its thread, and
    the legacy must not wait for that.
    """
    legacy_timers, canonical_timers = TimerThread("legacy-timers"), TimerThread("canonical-timers")
    truth = SqlTruthReader(database.read_only())
    bus = _build_bus(settings)
    service = canonical(truth=truth, clock=canonical_timers, serves=migration.serves, bus=bus)
    departures = SqlDepartures(database)
    service.remember_in(departures)
    migration.attach(
        connection_aware=ConnectionAwareService(clock=legacy_timers),
        user_id_only=UserIdOnlyService(balance_manager=manager, clock=legacy_timers),
        canonical=service,
    )
    sweep = Sweep(
        service=service,
        versions=truth,
        serves=migration.serves,
        interval_s=settings.sweep_interval_s,
    )
    services: list[tuple[str, Service]] = [
        ("departures", departures),
        ("legacy timers", legacy_timers),
        ("canonical timers", canonical_timers),
        ("sweep", sweep),
    ]
    if isinstance(bus, RedisBus):
        bus.attach(hear=service.look_again, hear_message=service.hear_message, missed=sweep.hurry)
        services.append(("bus", bus))
    return Reach(service, sweep, bus, tuple(services))


def _build_bus(settings: Settings) -> InProcessBus | RedisBus:
    if settings.notify_bus_url is None:
        return InProcessBus()
    return RedisBus(settings.notify_bus_url, secret=lambda: signing_key(settings))


class ChangedCounts:
    """Logs counts under one event, whenever something has happened since the last line.

    That sweeps went on and found nothing is no news, nor that frames were sent.
    """

    def __init__(self, count: Callable[[], dict[str, Any]]) -> None:
        self._count = count
        self._last = _news(count())

    def __call__(self) -> None:
        """Log all counts if one of them is news."""
        counts = self._count()
        if (news := _news(counts)) != self._last:
            self._last = news
            _log.info("reach_counts", **counts)


def _news(counts: dict[str, Any]) -> dict[str, Any]:
    sweep = {name: counts["sweep"][name] for name in ("behind", "failed")}
    canonical = {name: n for name, n in counts["canonical"].items() if name != "offers"}
    return {**counts, "canonical": canonical, "sweep": sweep}
