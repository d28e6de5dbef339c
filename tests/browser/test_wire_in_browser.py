"""What the user's page makes of the frames that it is sent, by whichever service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.web.live import Live, serving

pytestmark = pytest.mark.browser


class Server:
    """The other end of every socket of a page, played by the test."""

    def __init__(self, page: Page) -> None:
        self.heard: list[dict[str, Any]] = []
        self.sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws", self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(self._answer)

    def _answer(self, text: str | bytes) -> None:
        frame = json.loads(text)
        self.heard.append(frame)
        if frame["type"] == "subscribe":
            self.send(type="subscription_confirmed", userId=frame["userId"])

    def send(self, **frame: Any) -> None:
        """Send a frame on the newest socket."""
        self.sockets[-1].send(json.dumps(frame))

    def aware(self, uni: float, change: float, source: str, **more: Any) -> None:
        """Send an update as the connection-aware and the canonical service do."""
        data = {
            "balanceUni": uni,
            "balanceTon": 7.4,
            "changes": {"uni": change, "ton": 0},
            "sources": [source],
            "timestamp": "2026-01-02T03:04:05.678Z",
        }
        self.send(type="balance_update", userId=74, balanceData=data, **more)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Serve the pages once: no frame here comes from the application."""
    with serving(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open an empty page, whose clock is the test's, and fail on any error in it."""
    errors: list[str] = []
    page = browser.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.clock.install()
    yield page
    page.close()
    assert errors == []


@pytest.fixture
def server(page: Page, live: Live) -> Server:
    """Open the page of user 74 with the test at the other end."""
    server = Server(page)
    page.goto(f"{live.url}/u/74")
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    return server


def test_the_page_subscribes_to_its_user(page: Page, server: Server) -> None:
    """The first frame of a page asks for the balance of its own user, and says what it shows."""
    assert server.heard == [{"type": "subscribe", "userId": 74, "version": 2}]


def test_the_page_says_what_it_shows_when_it_is_back(page: Page, server: Server) -> None:
    """The newest version; after a balance of legacy's, which has none, it does not know."""
    for frame, said in (({"version": 9}, {"version": 9}), ({}, {})):
        server.aware(2050, 2, "mission", **frame)
        server.sockets[-1].close(code=1012, reason="the server restarts")
        page.clock.run_for(8_000)
        expect(page.get_by_test_id("connection")).to_have_text("Live")
        assert server.heard[-1] == {"type": "subscribe", "userId": 74, **said}


def test_a_connection_aware_update_moves_the_page(page: Page, server: Server) -> None:
    """Balance, change and source are shown as they were sent."""
    server.aware(2048.5, 0.5, "farming")

    expect(page.get_by_test_id("balance-uni")).to_have_text("2048.500000")
    expect(page.get_by_test_id("incoming")).to_contain_text("Farming reward")
    expect(page.get_by_test_id("incoming")).to_contain_text("+0.500000 UNI")


def test_a_user_id_only_update_moves_the_page(page: Page, server: Server) -> None:
    """An update without changes shows the difference to what was on the page."""
    data = {"balance_uni": 2049, "balance_ton": 7.3, "timestamp": "2026-01-02T03:04:05.678Z"}
    server.send(type="balance_update", userId=74, data=data)

    expect(page.get_by_test_id("balance-uni")).to_have_text("2049.000000")
    expect(page.get_by_test_id("balance-ton")).to_have_text("7.300000")
    expect(page.get_by_test_id("incoming")).to_contain_text("+1.000000 UNI")
    expect(page.get_by_test_id("incoming")).to_contain_text("\N{MINUS SIGN}0.100000 TON")


def test_several_sources_of_one_update_are_all_named(page: Page, server: Server) -> None:
    """A window that collected several rewards says what they were, unknown ones as they are."""
    data = {
        "balanceUni": 2060,
        "balanceTon": 7.4,
        "changes": {"uni": 12, "ton": 0},
        "sources": ["mission", "<i>airdrop</i>"],
        "timestamp": "2026-01-02T03:04:05.678Z",
    }
    server.send(type="balance_update", userId=74, balanceData=data)

    entry = page.get_by_test_id("incoming").locator("li")
    expect(entry).to_contain_text("Mission reward + <i>airdrop</i>")


def test_an_older_version_never_replaces_a_newer_one(page: Page, server: Server) -> None:
    """A canonical frame that was overtaken is ignored, the next newer one is shown."""
    server.aware(2050, 2, "mission", version=9)
    server.aware(2048.5, 0.5, "farming", version=8)
    server.aware(2051, 1, "mission", version=10)

    expect(page.get_by_test_id("balance-uni")).to_have_text("2051.000000")
    expect(page.get_by_test_id("incoming").locator("li")).to_have_count(2)


def test_the_present_balance_is_shown_without_an_entry(page: Page, server: Server) -> None:
    """A balance that came with a subscription is shown, and nothing is said to have come in."""
    server.aware(2050, 0, "farming", version=9)

    expect(page.get_by_test_id("balance-uni")).to_have_text("2050.000000")
    expect(page.get_by_test_id("incoming").locator("li")).to_have_count(0)


def test_the_largest_balance_keeps_its_last_decimal(page: Page, server: Server) -> None:
    """Six decimals are right for as long as a browser's number holds them."""
    server.aware(8589934591.999999, 0.000001, "farming")

    expect(page.get_by_test_id("balance-uni")).to_have_text("8589934591.999999")


def test_what_the_page_does_not_know_changes_nothing(page: Page, server: Server) -> None:
    """Frames of an unknown type, and unknown fields of a known one, do no harm."""
    server.send(type="fireworks", userId=74, data={"balance_uni": 1})
    server.send(type="pong", timestamp=1)
    server.aware(2048.5, 0.5, "farming", colour="green")

    expect(page.get_by_test_id("balance-uni")).to_have_text("2048.500000")


def test_the_page_pings_every_thirty_seconds(page: Page, server: Server) -> None:
    """An open page is never silent for so long that the server would close it."""
    page.clock.run_for(61_000)
    page.wait_for_function("true")

    assert [frame["type"] for frame in server.heard].count("ping") == 2


@pytest.mark.parametrize(("chance", "after"), [(0.0, 2_500), (0.5, 5_000), (0.999, 7_495)])
def test_the_page_says_that_it_is_offline_and_comes_back(
    page: Page, server: Server, chance: float, after: int
) -> None:
    """After five seconds or half as much more or less: pages lost together come back apart."""
    page.evaluate(f"Math.random = () => {chance}")
    server.sockets[0].close(code=1012, reason="the server restarts")
    expect(page.get_by_test_id("connection")).to_have_text("Offline, trying again")
    page.clock.run_for(after - 1_000)  # the clock goes on by itself, too
    assert len(server.sockets) == 1

    page.clock.run_for(1_100)
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    assert len(server.sockets) == 2


def test_a_page_that_is_refused_says_so_and_stays_away(page: Page, server: Server) -> None:
    """Whoever comes back after a code of ours would only be refused again."""
    server.sockets[0].close(code=4403, reason="subscribe to your own balance")
    expect(page.get_by_test_id("connection")).to_have_text("Not allowed here: open it anew")
    page.clock.run_for(60_000)
    assert len(server.sockets) == 1


def test_inside_telegram_the_page_says_who_opened_it(page: Page, live: Live) -> None:
    """What Telegram puts behind the address goes with the subscription, and nowhere else."""
    server = Server(page)
    page.goto(f"{live.url}/u/74#tgWebAppData=user%3D7%26hash%3Df&tgWebAppVersion=8.0")
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    wanted = {"type": "subscribe", "userId": 74, "version": 2, "initData": "user=7&hash=f"}
    assert server.heard == [wanted]


def test_a_page_without_scripts_shows_the_balance(browser: Browser, live: Live) -> None:
    """The server renders the balance; without JavaScript the page says that it stays."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{live.url}/u/74")
        assert page.get_by_test_id("balance-uni").inner_text() == "2048.000000"
        expect(page.locator("noscript .notice")).to_be_visible()


def test_nothing_is_fetched_from_elsewhere(browser: Browser, live: Live) -> None:
    """Neither page asks any other server for anything."""
    for path in ("/", "/u/74"):
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(live.url + path, wait_until="load")
        page.close()
        assert asked
        assert all(url.startswith(live.url) for url in asked)
