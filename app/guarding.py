"""Builds the guard of a worker: the looks, what a trip does, and whom it tells."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.adapters.guard_sql import SqlGuardStore
from app.adapters.notices import Notices
from app.database import Database
from app.deciding import Deciding
from app.guard_looks import (
    LOOK_OVER_ALL_S,
    LOOK_S,
    GuardAlone,
    GuardOverAll,
    Looking,
    Watched,
)
from app.guard_trip import GuardTrip
from app.leadership import Leadership
from app.parts import Course
from app.reach import Reach
from app.runtime import Service
from app.secret import signing_key
from app.settings import Settings
from app.sharing import build_lease
from flags.decision import BALANCE_NOTIFICATIONS
from shim.guard.record import GuardStore


@dataclass(frozen=True, slots=True)
class Guarding:
    """`services` in the order of their start; none where the guard is off."""

    services: tuple[tuple[str, Service], ...]


def build_guarding(
    settings: Settings,
    database: Database,
    *,
    deciding: Deciding,
    courses: Mapping[str, Course],
    reach: Reach,
) -> Guarding:
    """Build all of it; nothing is started."""
    if not settings.guard.on:
        return Guarding(())

    def new_store(name: str) -> GuardStore:
        return SqlGuardStore(database, migration=name, comparisons=guarded.comparisons)

    guarded = settings.guard.guarded
    notices = _notices(settings)
    trip = GuardTrip(
        deciding.kill_switch,
        deciding.history,
        settings.host_name,
        _nobody if notices is None else notices.tell,
    )

    watched = [
        Watched(
            course,
            guarded,
            _sends(reach) if name == BALANCE_NOTIFICATIONS.migration else lambda: (0, 0),
        )
        for name, course in courses.items()
    ]
    alone = Looking(
        lambda: [GuardAlone(each, trip) for each in watched],
        kill_switch=deciding.kill_switch,
        name="guard",
        every=LOOK_S,
    )
    over_all = Looking(
        lambda: [GuardOverAll(each, new_store(each.name), trip) for each in watched],
        kill_switch=deciding.kill_switch,
        name="guard-over-all",
        every=LOOK_OVER_ALL_S,
    )
    lease = build_lease(settings, name="guard", lock=settings.guard_lock)
    lead = Leadership(lease, over_all, name="guard")
    services: list[tuple[str, Service]] = [("guard", alone), ("guard over all", lead)]
    if notices is not None:
        services.insert(0, ("notices", notices))
    return Guarding(tuple(services))


def _notices(settings: Settings) -> Notices | None:
    if settings.guard.webhook is None:
        return None
    return Notices(settings.guard.webhook, secret=lambda: webhook_key(settings))


def webhook_key(settings: Settings) -> bytes:
    """Return what signs notices. Raises OSError.

    Never the signing key itself: a receiver must know this one to check a notice, and whoever
    knows that one can sign sessions and what is on the bus.
    """
    if settings.guard.webhook_key is not None:
        return settings.guard.webhook_key.encode()
    return hmac.digest(signing_key(settings), b"guard webhook", hashlib.sha256).hex().encode()


def _nobody(notice: Mapping[str, Any]) -> None:
    """Tell nobody: no webhook is set."""


def _sends(reach: Reach) -> Callable[[], tuple[int, int]]:
    counters = reach.canonical.counters
    return lambda: (counters.offers, counters.offers_failed)
