"""As it is meant to run: two gunicorn workers, PostgreSQL, Redis, and 500 browsers."""

import asyncio
import json
import os
import random
import secrets
import signal
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from app.accounts import open_accounts
from app.credits import Credit, book
from app.database import Database
from app.money import Currency
from app.web.files import raise_file_limit
from flags.admin import EmbeddedAdmin
from flags.decision import CANONICAL_FLAG
from flags.embedded import ensure_flag_file
from tests.patience import PATIENCE_S
from tests.processes.gunicorn import Gunicorn
from tests.servers import PostgresServer, RedisServer

pytestmark = [pytest.mark.processes, pytest.mark.redis, pytest.mark.postgres]

USERS = range(1001, 1501)
BACK_WITHIN_S = 10.0
RECONNECT_S = 5.0
"""On average, as the page has it: from half of it to half as much again."""


class Page:
    """A browser's page of one user, which comes back by itself as `channel.js` does."""

    def __init__(self, port: int, user: int) -> None:
        self.user = user
        self.uni: Decimal | None = None
        self.versions: list[int] = []
        self.connected = False
        self.lost = 0
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._jitter = random.Random(user)

    async def live(self) -> None:
        """Be open until cancelled."""
        while True:
            try:
                async with connect(self._url, compression=None, proxy=None) as socket:
                    await self._listen(socket)
            except (OSError, WebSocketException):
                self.lost += self.connected
                self.connected = False
            await asyncio.sleep(RECONNECT_S * (0.5 + self._jitter.random()))

    async def _listen(self, socket: ClientConnection) -> None:
        shows = max(self.versions, default=0)
        await socket.send(json.dumps({"type": "subscribe", "userId": self.user, "version": shows}))
        async for text in socket:
            frame = json.loads(text, parse_float=Decimal)
            if frame["type"] == "subscription_confirmed":
                self.connected = True
            elif frame["type"] == "balance_update":
                self.uni = Decimal(frame["balanceData"]["balanceUni"])
                self.versions.append(frame["version"])


def paid(database: Database, users: Iterable[int], amount: str) -> None:
    """Book for each user and tell nobody."""
    with database.transaction() as session:
        book(
            session,
            [
                Credit(
                    user_id=user,
                    currency=Currency.UNI,
                    amount=Decimal(amount),
                    source="UNI_farming_income",
                    idempotency_key=secrets.token_hex(8),
                )
                for user in users
            ],
        )


def reward(port: int, user: int) -> None:
    """Have a mission paid, by whichever worker takes the order."""
    body = json.dumps({"user": user, "kind": "mission", "amount": "2"}).encode()
    url = f"http://127.0.0.1:{port}/look/reward"
    order = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(order, timeout=60).close()


async def until(condition: Callable[[], bool], *, within: float) -> float:
    """Return how long it took; fail once it took too long."""
    began, within = time.monotonic(), max(within, PATIENCE_S)
    while not condition():
        assert time.monotonic() - began < within, f"it did not come true within {within} s"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def shows(page: Page, uni: str) -> bool:
    """Whether the page is open and shows this balance."""
    return page.connected and page.uni == Decimal(uni)


async def killed_with_pages(server: Gunicorn, pages: Sequence[Page]) -> float:
    """Kill a worker that holds pages; return when that was. Who took them in is chance."""
    for victim in sorted(server.live()):
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        while time.monotonic() < killed + 3:
            if any(page.lost for page in pages):
                return killed
            await asyncio.sleep(0.01)
    raise AssertionError("no worker held a page")


async def follow(server: Gunicorn, database: Database) -> None:
    """Let 500 pages live through the death of a worker that holds some of them."""
    pages = [Page(server.port, user) for user in USERS]
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(page.live()) for page in pages]
        await until(lambda: all(shows(page, "1") for page in pages), within=60)
        for page in pages[:20]:
            await asyncio.to_thread(reward, server.port, page.user)
            await until(lambda page=page: shows(page, "3"), within=5)
        killed = await killed_with_pages(server, pages)
        await asyncio.sleep(0.5)  # so that all whom it held have noticed
        away = [page for page in pages if page.lost]
        await asyncio.to_thread(paid, database, [page.user for page in away], "0.5")
        held = {page.user: "3" if page in pages[:20] else "1" for page in pages}
        held |= {page.user: str(Decimal(held[page.user]) + Decimal("0.5")) for page in away}
        await until(
            lambda: all(shows(page, held[page.user]) for page in pages),
            within=BACK_WITHIN_S - (time.monotonic() - killed),
        )
        for life in lives:
            life.cancel()
    assert {page.lost for page in away} == {1}
    for page in pages:
        assert page.versions == sorted(set(page.versions))


def test_five_hundred_pages_live_through_the_death_of_a_worker(
    tmp_path: Path,
    postgres: PostgresServer,
    migrated_template: str,
    redis_server: RedisServer,
) -> None:
    """What one worker books the pages of the other show; whom a killed one held is back in 10 s.

    No sweep helps: the bus carries what is booked, and whoever subscribes is told what is.
    """
    raise_file_limit()
    url = postgres.url(postgres.create_database(template=migrated_template))
    database = Database(url, instance_path=tmp_path)
    with database.transaction() as session:
        open_accounts(session, USERS)
    paid(database, USERS, "1")
    ensure_flag_file(tmp_path / "flags.json")
    EmbeddedAdmin(tmp_path / "flags.json").set_percentage(CANONICAL_FLAG, 100)
    settings = {
        "DATABASE_URL": url,
        "NOTIFY_BUS_URL": redis_server.url,
        "SHIM_SECRET_KEY": "a key of this test and of no other",
        "SHIM_SWEEP_INTERVAL_S": "3600",
        "SHIM_ADMISSION": "off",
        "SHIM_DEMO": "1",
    }
    try:
        # On a thread of its own: a browser that another test opened has a loop on this one.
        with (
            Gunicorn(tmp_path, workers=2, environ=settings) as server,
            ThreadPoolExecutor(1) as thread,
        ):
            thread.submit(asyncio.run, follow(server, database)).result()
    finally:
        database.dispose()
