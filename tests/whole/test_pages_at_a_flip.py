"""Open pages when the canonical takes over: each shows what the database holds, at once."""

import json

import pytest

from tests.admission.conftest import Service
from tests.web.live import serving
from tests.whole.pages import USER, balance, flip, open_page, say_by_legacy

NEVER_S = 3600.0


@pytest.fixture
def service(tmp_path):
    """Serve with a sweep that never comes by itself."""
    with serving(tmp_path, sweep_interval_s=NEVER_S) as live:
        yield Service(live)


def is_silent(page):
    """Whether nothing but the answer comes back after a while of nothing."""
    with pytest.raises(TimeoutError):
        page.socket.recv(timeout=0.6)
    page.say(type="ping", timestamp=1)
    return json.loads(page.socket.recv(timeout=60))["type"] == "pong"


def test_whoever_is_served_anew_gets_what_was_missed(service):
    """Without any other booking, and long before the next sweep."""
    with open_page(service) as page:
        service.live.order(user=USER, kind="mission", amount="2")
        assert is_silent(page)
        flip(service, 100)
        assert balance(page) == (3, 2050, 2)
        assert is_silent(page)


@pytest.mark.parametrize("shown", ["2048", "1999.5"], ids=["an old one", "one that never was"])
def test_a_stale_balance_that_legacy_showed_last_is_repaired(service, shown):
    """The version is one that the page was sent before: it is told what moves on it."""
    flip(service, 100)
    with open_page(service) as page:
        service.live.order(user=USER, kind="mission", amount="2")
        assert balance(page) == (3, 2050, 2)
        flip(service, 0)
        say_by_legacy(shown)
        assert balance(page)[:2] == (None, float(shown))
        flip(service, 100)
        assert balance(page) == (3, 2050, 2050 - float(shown))
        assert is_silent(page)


def test_what_legacy_showed_rightly_is_not_shown_again(service):
    """A flip up and down and up leaves a page alone that has it all."""
    flip(service, 100)
    with open_page(service) as page:
        flip(service, 0)
        say_by_legacy("2048")
        assert balance(page)[:2] == (None, 2048)
        flip(service, 100)
        assert is_silent(page)
        service.live.order(user=USER, kind="mission", amount="2")
        assert balance(page) == (3, 2050, 2)
