"""What a stranger sees on the look page: booked and shown, side by side."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from flags.decision import CANONICAL_FLAG, SHADOW_FLAG
from flags.kill_switch import KillSwitch
from flags.latch_file import FileLatchStore
from tests.guard.stage import WRONG_BALANCE, Turncoat
from tests.web.live import Live, serving, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Serve the demonstration; nothing is paid unless ordered."""
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def page(browser: Browser, live: Live) -> Iterator[Page]:
    """Open the look page, and fail on any error in it."""
    errors: list[str] = []
    page = browser.new_page(viewport={"width": 1440, "height": 1300})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(live.url)
    for user in (10, 22, 17, 74, 31, 33):
        expect(page.get_by_test_id(f"link-{user}")).to_have_text("live")
    yield page
    page.close()
    assert errors == []


def ramp(live: Live, page: Page, percent: int) -> None:
    """Let the canonical serve so many, and wait until the page says so."""
    live.parts.flag_admin.set_percentage(CANONICAL_FLAG, percent)
    stage = "complete" if percent == 100 else "ramp"
    expect(page.locator(f"html[data-stage={stage}]")).to_be_attached()
    expect(page.get_by_test_id("meaning")).to_contain_text("Canonical serves")


def test_at_first_every_page_shows_what_is_booked(page: Page) -> None:
    """Whoever opens the page sees balances that agree, on either side of the sign."""
    expect(page.get_by_test_id("summary")).to_have_text("All 6 pages show what the database holds.")
    expect(page.locator("[data-state=apart]")).to_have_count(0)


def test_on_legacy_the_page_stands_still_and_the_card_says_so(page: Page) -> None:
    """A farming reward grows the database; the card tells what the page does not show."""
    page.get_by_test_id("book-farming-74").click()

    expect(page.get_by_test_id("said")).to_contain_text("Booked Farming reward +0.500000 UNI")
    expect(page.get_by_test_id("booked-uni-74")).to_have_text("2048.500000")
    expect(page.get_by_test_id("verdict-74")).to_contain_text("+0.500000 UNI booked, unseen for")
    expect(page.get_by_test_id("card-74")).to_have_attribute("data-state", "apart")
    expect(page.get_by_test_id("page-uni-74")).to_have_text("2048.000000")
    expect(page.get_by_test_id("summary")).to_contain_text("1 of 6 pages stand still")


def test_on_canonical_the_page_moves_by_itself(live: Live, page: Page) -> None:
    """The same reward is on the page a moment later, and the card says who sent what."""
    ramp(live, page, 100)
    expect(page.get_by_test_id("side-74")).to_have_text("canonical")
    page.get_by_test_id("book-farming-74").click()

    expect(page.get_by_test_id("page-uni-74")).to_have_text("2048.500000")
    expect(page.get_by_test_id("heard-74")).to_contain_text("Farming reward +0.500000 UNI")
    expect(page.get_by_test_id("verdict-74")).to_have_text("Page and database agree")
    expect(page.get_by_test_id("card-74")).to_have_attribute("data-state", "together")


def test_the_stage_and_the_sides_follow_the_flags(live: Live, page: Page) -> None:
    """Without a reload the page shows the stage and who is served by whom."""
    expect(page.get_by_test_id("meaning")).to_contain_text("Legacy serves everyone")
    ramp(live, page, 50)

    expect(page.locator("[data-step=ramp]")).to_have_attribute("aria-current", "step")
    expect(page.locator(".card[data-side=canonical]")).to_have_count(3)
    expect(page.get_by_test_id("side-10")).to_have_text("canonical")
    expect(page.get_by_test_id("side-33")).to_have_text("legacy")


def test_a_rollback_is_shown_with_its_reason(live: Live, page: Page) -> None:
    """Who rolled back and why is on the page, and everybody is on legacy."""
    ramp(live, page, 100)
    latch = KillSwitch([FileLatchStore(live.parts.settings.latch_file)])
    latch.engage(who="olga", why="Pages show nonsense.")

    expect(page.get_by_test_id("meaning")).to_contain_text("Rolled back by olga")
    expect(page.get_by_test_id("meaning")).to_contain_text("Pages show nonsense.")
    expect(page.locator(".card[data-side=legacy]")).to_have_count(6)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_stay_whole_at_a_trip(browser: Browser, tmp_path: Path, width: int) -> None:
    """The guard's real reason is read as one sentence, and nothing is wider than the window."""
    Turncoat.bad = True
    with serving(tmp_path, canonical=Turncoat, shadow_cpu_percent=100.0) as live:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(live.url)
        expect(page.get_by_test_id("link-74")).to_have_text("live")
        for flag in (SHADOW_FLAG, CANONICAL_FLAG):
            live.parts.flag_admin.set_percentage(flag, 100)
        expect(page.locator("html[data-stage=complete]")).to_be_attached()
        live.order(user=74, kind="farming")
        expect(page.locator("html[data-stage=rolled_back]")).to_be_attached(timeout=30_000)
        reason = page.locator("[data-word=why]")
        expect(reason).to_have_text(re.compile(f"balance-notifications: {WRONG_BALANCE}$"))
        own = browser.new_page(viewport={"width": width, "height": 900})
        own.goto(f"{live.url}/u/74")
        expect(own.get_by_test_id("balance-uni")).to_be_visible()
        for shown in (page, own):
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert reason.evaluate("element => element.scrollWidth <= element.clientWidth")
        page.close()
        own.close()


def test_a_reason_without_a_space_breaks(live: Live, page: Page) -> None:
    """Somebody may give a link, or a name, of any length."""
    page.set_viewport_size({"width": 390, "height": 900})
    latch = KillSwitch([FileLatchStore(live.parts.settings.latch_file)])
    latch.engage(who="o" * 80, why="https://example.com/" + "a" * 300)
    expect(page.locator("html[data-stage=rolled_back]")).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_refused_order_is_explained(live: Live, page: Page) -> None:
    """A button that could not book says why, in the server's words."""
    live.order(user=33, kind="withdrawal", amount="154")
    page.get_by_test_id("book-withdrawal-33").click()

    expect(page.get_by_test_id("said")).to_have_attribute("data-kind", "refused")
    expect(page.get_by_test_id("said")).to_contain_text("33")
    assert live.parts.manager.get_user_balance(33).uni.to_eng_string() == "0.750000"


def test_a_silent_server_is_said(live: Live, page: Page) -> None:
    """While nobody answers the page says that its numbers are the last known."""
    page.route("**/look/state.json", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")

    page.unroute("**/look/state.json")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_each_step_hands_out_its_command(browser: Browser, live: Live) -> None:
    """A click on a stage's command copies what to type."""
    with browser.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        page.goto(live.url)
        page.get_by_role("button", name="flask rollout set 50 --force --reason demo").click()
        expect(page.get_by_test_id("said")).to_contain_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == (
            ".venv/bin/flask rollout set 50 --force --reason demo"
        )


def test_the_trace_shows_what_the_page_missed(live: Live, page: Page) -> None:
    """Where booked and shown part, the space between them is drawn."""
    gap = page.get_by_test_id("trace-74").locator("[data-line=gap]")
    page.get_by_test_id("book-mission-74").click()
    expect(page.get_by_test_id("card-74")).to_have_attribute("data-state", "apart")

    wait_until(lambda: height(gap) > 20)


def height(shape: Locator) -> float:
    """Return how high a drawn shape is, in pixels."""
    box = shape.bounding_box()
    return 0.0 if box is None else float(box["height"])


@pytest.mark.parametrize("path", ["/", "/u/74"])
@pytest.mark.parametrize("width", [320, 390, 820, 1440])
def test_nothing_sticks_out_of_the_screen(
    browser: Browser, live: Live, path: str, width: int
) -> None:
    """From a small phone to a desktop nobody has to scroll sideways."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(live.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
