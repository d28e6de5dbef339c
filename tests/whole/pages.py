"""What tests do with one user's open page and the migration behind it."""

from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

from app.core.balance_notification_service import BalanceNotificationService, BalanceUpdate
from flags.decision import CANONICAL_FLAG
from tests.web.live import wait_until

USER = 74
"""A user of the demonstration, with 2048 UNI at version 2."""


def flip(service, percentage):
    """Set the canonical's percentage and wait until it is followed."""
    change = service.live.parts.flag_admin.set_percentage(CANONICAL_FLAG, percentage)
    wait_until(lambda: service.live.parts.migration.table.flags.revision == change.revision)


@contextmanager
def open_page(service):
    """Open the user's page, subscribed, and wait until what it shows is noted."""
    with service.page(cookie=service.cookie_of(USER)) as page:
        page.subscribe(USER)
        (connection,) = service.live.parts.reach.canonical.connections_of(USER)
        wait_until(lambda: connection.base_version is not None)
        yield page


def balance(page):
    """Return the next balance as (version, UNI, change of UNI)."""
    frame = page.hear("balance_update")
    data = frame["balanceData"]
    return frame.get("version"), data["balanceUni"], data["changes"]["uni"]


def say_by_legacy(uni):
    """Have a caller say a balance that it worked out, as the boost scheduler does."""
    said = BalanceUpdate(
        user_id=USER,
        balance_uni=Decimal(uni),
        balance_ton=Decimal("7.4"),
        change_amount=Decimal(0),
        currency="UNI",
        source="manual",
        timestamp=datetime.now(UTC),
    )
    BalanceNotificationService.get_instance().notify_balance_update(said)
