"""The websockets library as its documentation has it, on asyncio.

python -m bench.peers.websockets_server PORT
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bench.peers.words import Account, state, text

users: dict[int, tuple[Account, set[ServerConnection]]] = {}


async def browser(ws: ServerConnection) -> None:
    """Serve one browser."""
    await ws.send(text({"type": "connection_established", "connectionId": str(ws.id)}))
    mine: set[ServerConnection] = set()
    try:
        async for data in ws:
            user_id = json.loads(data)["userId"]
            account, mine = users.setdefault(user_id, (Account(user_id), set()))
            mine.add(ws)
            await ws.send(text({"type": "subscription_confirmed", "userId": user_id}))
            if account.version:
                await ws.send(text(account.message()))
    finally:
        mine.discard(ws)


async def push(rounds: float, ahead: float) -> dict[str, int]:
    """Send so many frames to each user."""
    for _ in range(int(rounds)):
        for account, sockets in tuple(users.values()):
            account.book()
            said = text(account.message())
            for one in tuple(sockets):
                try:
                    await one.send(said)
                except ConnectionClosed:
                    sockets.discard(one)
        await asyncio.sleep(0)
    return {"pushed": int(rounds) * len(users)}


async def pace(rounds: float, hz: float, pad: float) -> dict[str, int]:
    """Send a frame to each user so many times a second."""
    due = time.monotonic()
    for account, _ in users.values():
        account.pad = "x" * int(pad)
    for _ in range(int(rounds)):
        await push(1, 1)
        due += 1 / hz
        await asyncio.sleep(max(due - time.monotonic(), 0))
    return {"pushed": int(rounds) * len(users)}


async def update(seconds: float) -> dict[str, int]:
    """Book and send for so long, the same number for each user."""
    until, accepted = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await push(1, 1)
        accepted += len(users)
    return {"accepted": accepted, "final": next(iter(users.values()))[0].version}


async def current_state() -> dict[str, int]:
    """Return what the process needs."""
    return state()


ORDERS: dict[str, Callable[..., Awaitable[dict[str, int]]]] = {
    "push": push,
    "pace": pace,
    "update": update,
    "state": current_state,
}


async def order(connection: ServerConnection, request: Request) -> Response | None:
    """Answer what is no handshake: what the bench wants."""
    url = urlsplit(request.path)
    if url.path == "/ws":
        return None
    numbers = {key: float(value) for key, value in parse_qsl(url.query)}
    answer = await ORDERS[url.path.rsplit("/", 1)[1]](**numbers)
    return connection.respond(HTTPStatus.OK, json.dumps(answer))


async def main() -> None:
    """Serve until the process is ended."""
    server = serve(
        browser,
        "127.0.0.1",
        int(sys.argv[1]),
        process_request=order,
        open_timeout=300,
        backlog=4096,
    )
    async with server:
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
