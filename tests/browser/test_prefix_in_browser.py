"""The pages under a path that a proxy gives the application."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web.live import serving

pytestmark = pytest.mark.browser


def test_page_and_socket_work_under_a_prefix(browser: Browser, tmp_path: Path) -> None:
    """The page goes live and moves, the demonstration polls and books, the cookie stays below."""
    with (
        serving(tmp_path, prefix="/balance") as live,
        browser.new_context() as context,
        context.new_page() as page,
    ):
        page.goto(f"{live.url}/u/74")
        expect(page.get_by_test_id("connection")).to_have_text("Live")
        assert {cookie["path"] for cookie in context.cookies()} == {"/balance"}
        page.goto(f"{live.url}/")
        expect(page.locator("html")).to_have_attribute("data-server", "answers")
        page.locator('button[data-user="74"][data-kind="mission"]').click()
        expect(page.get_by_test_id("said")).to_contain_text("Booked Mission reward")
