"""A page that Telegram opens outside the demonstration signs itself in."""

import time
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.admission.signing import OTHER_TOKEN, TOKEN, init_data_of
from tests.web.live import serving

pytestmark = pytest.mark.browser

USER = 74


def test_the_page_that_telegram_opens_shows_its_user_and_goes_live(
    browser: Browser, tmp_path: Path
) -> None:
    """What Telegram puts behind the address is proof enough; nobody else's would be."""
    with (
        serving(tmp_path, demo=False, bot_token=TOKEN) as live,
        browser.new_context() as context,
        context.new_page() as page,
    ):
        proof = quote(init_data_of(USER, at=time.time()))
        page.goto(f"{live.url}/u/{USER}#tgWebAppData={proof}")
        expect(page.get_by_test_id("connection")).to_have_text("Live")
        expect(page.get_by_test_id("balance-uni")).to_have_text("2048.000000")
        with context.new_page() as foreign:
            forged = quote(init_data_of(10, at=time.time(), token=OTHER_TOKEN))
            foreign.goto(f"{live.url}/u/10#tgWebAppData={forged}")
            expect(foreign.get_by_test_id("problem")).to_be_visible()
            assert "412" not in foreign.content()
