"""The whole application with one page open, and a canonical that can be made to turn bad."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.core.balance_notification_service import BalanceNotificationService
from app.factory import create_app
from app.settings import Settings
from bench.kit.faults import FrameFault
from tests.application import Built, until
from tests.notifications.doubles import ConnectionDouble

USER = 10
WRONG_BALANCE = (
    r"wrong balance: the page got \d+\.\d{6}, the database holds \d+\.\d{6};"
    r" see `flask shadow replay [0-9a-f]{16}`"
)
"""What the guard says of this canonical at a trip, as a regular expression."""


class Turncoat(FrameFault):
    """A canonical that says a wrong balance from the moment it is told to."""

    bad = False

    def frames(self, frame: Any, connection: Any) -> list[Any]:
        """Return the frames to send instead of one."""
        return [replace(frame, uni=frame.uni + 1)] if Turncoat.bad else [frame]


@contextmanager
def served(settings: Settings, *, percentage: int = 100) -> Iterator[Built]:
    """Yield a started application whose guard, if it is on, has looked; stop it."""
    Turncoat.bad = False
    built = Built(create_app(replace(settings, shadow_cpu_percent=100.0), canonical=Turncoat))
    try:
        for order in (
            ("shadow", "100"),
            ("set", str(percentage), "--force", "--reason", "a test"),
        ):
            assert built.run("rollout", *order).exit_code == 0
        built.parts.runtime.start()
        BalanceNotificationService.get_instance().register_connection(
            USER, ConnectionDouble("page")
        )
        if settings.guard.on:
            until(lambda: built.parts.guard.read().record)
        yield built
    finally:
        built.parts.runtime.stop()
        built.parts.database.dispose()


def farm(built: Built, times: int = 1, *, first: int = 0) -> None:
    """Book so many ticks' income, each when the one before was compared."""
    counts = built.parts.shadowing.counts
    for tick in range(first, first + times):
        before = counts.episodes
        built.parts.farming.run_once(datetime.now(UTC) + timedelta(minutes=5 * tick))
        until(
            lambda before=before: (  # type: ignore[misc]
                counts.episodes > before
                and sum(list(counts.outcomes.values())) == 3 * counts.episodes
            )
        )
