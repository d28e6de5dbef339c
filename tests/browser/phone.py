"""A user's page in the browser, and every frame that reached it."""

import itertools
import json
from decimal import Decimal
from typing import Any

from playwright.sync_api import Browser, Page

SIZE = {"width": 390, "height": 844}
_numbers = itertools.count(1)

RECORDER = """
window.wire = { sockets: [], texts: [] };
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...where) {
    super(...where);
    wire.sockets.push(this);
    this.addEventListener("message", (event) => wire.texts.push(event.data));
  }
};
"""
"""Keeps what arrives, before the page's own script sees it."""

PING = """
(mark) => new Promise((resolve) => {
  const socket = wire.sockets.at(-1);
  const listen = (event) => {
    const frame = JSON.parse(event.data);
    if (frame.type !== "pong" || frame.timestamp !== mark) return;
    socket.removeEventListener("message", listen);
    resolve();
  };
  socket.addEventListener("message", listen);
  socket.send(JSON.stringify({ type: "ping", timestamp: mark }));
})
"""


class Phone:
    """One user looking at their page."""

    def __init__(self, browser: Browser, url: str, user: int) -> None:
        self.user = user
        self.page: Page = browser.new_page(viewport=SIZE)
        self.page.add_init_script(RECORDER)
        self.page.goto(f"{url}/u/{user}")
        self.page.wait_for_selector("[data-link='live']")

    def shown(self) -> tuple[Decimal, Decimal]:
        """Return the balances on the page, UNI and TON."""
        uni, ton = (self.page.inner_text(f"[data-testid=balance-{c}]") for c in ("uni", "ton"))
        return Decimal(uni), Decimal(ton)

    def balances(self) -> list[dict[str, Any]]:
        """Return the balance frames that arrived, oldest first, amounts as Decimal."""
        texts = self.page.evaluate("wire.texts")
        frames = [json.loads(text, parse_float=Decimal) for text in texts]
        return [frame for frame in frames if frame["type"] == "balance_update"]

    def canonical(self) -> list[dict[str, Any]]:
        """Return those balance frames that the canonical service sent."""
        return [frame for frame in self.balances() if "version" in frame]

    def fence(self) -> None:
        """Return once all that left the server for this page before now has arrived."""
        self.page.evaluate(PING, f"fence {next(_numbers)}")
