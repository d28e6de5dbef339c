"""Pages on real sockets that count what they are shown: all of them on one thread."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterable
from decimal import Decimal

from websockets.asyncio.client import connect

OPEN_S = 30.0


class Audience:
    """One page for each user. `bad` counts the messages that `is_bad` says so of."""

    def __init__(
        self, port: int, users: Iterable[int], *, is_bad: Callable[[Decimal], bool]
    ) -> None:
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._users = tuple(users)
        self._is_bad = is_bad
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live()), name="audience", daemon=True
        )
        self.open = self.frames = self.bad = self.lost = 0

    def start(self) -> None:
        """Open every page, and return when all are. Raises TimeoutError."""
        self._thread.start()
        done = threading.Event()
        for _ in range(round(OPEN_S / 0.05)):
            if self.open == len(self._users):
                return
            done.wait(0.05)
        raise TimeoutError(f"{self.open} of {len(self._users)} pages are open")

    def stop(self) -> None:
        """Close them."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        pages = [asyncio.create_task(self._page(user)) for user in self._users]
        await self._stop.wait()
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)

    async def _page(self, user: int) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            async with connect(self._url, compression=None, proxy=None) as socket:
                await socket.send(json.dumps({"type": "subscribe", "userId": user}))
                async for text in socket:
                    self._take(json.loads(text))
            self.lost += 1

    def _take(self, told: dict[str, object]) -> None:
        match told:
            case {"type": "subscription_confirmed"}:
                self.open += 1
            case {"balanceData": {"balanceUni": shown}} | {"data": {"balance_uni": shown}}:
                self.frames += 1
                self.bad += self._is_bad(Decimal(str(shown)))
