"""Open pages when the canonical takes over: each shows what the database holds, at once."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.core.balance_notification_service import BalanceNotificationService, BalanceUpdate
from flags.decision import CANONICAL_FLAG
from tests.admission.conftest import Service
from tests.web.live import serving, wait_until

USER = 74
NEVER_S = 3600.0


@pytest.fixture
def service(tmp_path):
    """Serve with a sweep that never comes by itself."""
    with serving(tmp_path, sweep_interval_s=NEVER_S) as live:
        yield Service(live)


def flip(service, percentage):
    """Set the canonical's percentage and wait until it is followed."""
    change = service.live.parts.flag_admin.set_percentage(CANONICAL_FLAG, percentage)
    wait_until(lambda: service.live.parts.migration.table.flags.revision == change.revision)


@contextmanager
def open_page(service):
    """Open the user's page, subscribed."""
    with service.page(cookie=service.cookie_of(USER)) as page:
        page.subscribe(USER)
        yield page


def balance(page):
    """Return the next balance as (version, UNI, change of UNI)."""
    frame = page.hear("balance_update")
    data = frame["balanceData"]
    return frame.get("version"), data["balanceUni"], data["changes"]["uni"]


def is_silent(page):
    """Whether nothing but the answer comes back after a while of nothing."""
    with pytest.raises(TimeoutError):
        page.socket.recv(timeout=0.6)
    page.say(type="ping", timestamp=1)
    return json.loads(page.socket.recv(timeout=10))["type"] == "pong"


def mislead(uni):
    """Have legacy show a balance that a caller worked out, as the boost scheduler does."""
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


def test_whoever_is_served_anew_gets_what_was_missed(service):
    """Without any other booking, and long before the next sweep."""
    with open_page(service) as page:
        canonical = service.live.parts.reach.canonical
        wait_until(lambda: canonical.connections_of(USER)[0].base_version is not None)
        service.live.order(user=USER, kind="mission", amount="2")
        assert is_silent(page)
        flip(service, 100)
        assert balance(page) == (3, 2050, 2)
        assert is_silent(page)


@pytest.mark.parametrize("shown", ["2048", "1999.5"], ids=["an old one", "one that never was"])
def test_a_stale_balance_that_legacy_showed_last_is_repaired(service, shown):
    """The version is one that the page was sent before; its change is not told again."""
    flip(service, 100)
    with open_page(service) as page:
        assert balance(page)[1] == 2048
        service.live.order(user=USER, kind="mission", amount="2")
        assert balance(page) == (3, 2050, 2)
        flip(service, 0)
        mislead(shown)
        assert balance(page)[:2] == (None, float(shown))
        flip(service, 100)
        assert balance(page) == (3, 2050, 0)
        assert is_silent(page)


def test_what_legacy_showed_rightly_is_not_shown_again(service):
    """A flip up and down and up leaves a page alone that has it all."""
    flip(service, 100)
    with open_page(service) as page:
        assert balance(page)[1] == 2048
        flip(service, 0)
        mislead("2048")
        assert balance(page)[:2] == (None, 2048)
        flip(service, 100)
        assert is_silent(page)
        service.live.order(user=USER, kind="mission", amount="2")
        assert balance(page) == (3, 2050, 2)
