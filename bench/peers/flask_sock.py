"""flask-sock as it comes: a thread for each socket, and its own for each, under gunicorn.

python -m bench.peers.flask_sock PORT CLIENTS
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server

from bench.peers.gunicorn import serve
from bench.peers.words import Account, state, text

app = Flask("flask_sock")
sock = Sock(app)
users: dict[int, tuple[Account, set[Server]]] = {}


@sock.route("/ws")
def ws(ws: Server) -> None:
    """Serve one browser."""
    ws.send(text({"type": "connection_established", "connectionId": str(id(ws))}))
    mine: set[Server] = set()
    try:
        while True:
            user_id = json.loads(ws.receive())["userId"]
            account, mine = users.setdefault(user_id, (Account(user_id), set()))
            mine.add(ws)
            ws.send(text({"type": "subscription_confirmed", "userId": user_id}))
            if account.version:
                ws.send(text(account.message()))
    finally:
        mine.discard(ws)


def update(account: Account, sockets: set[Server]) -> None:
    """Book, and send to the user's sockets."""
    account.book()
    said = text(account.message())
    for one in tuple(sockets):
        try:
            one.send(said)
        except (ConnectionClosed, OSError):
            sockets.discard(one)


def push(rounds: float, ahead: float) -> dict[str, int]:
    """Send so many frames to each user."""
    for _ in range(int(rounds)):
        for account, sockets in users.values():
            update(account, sockets)
    return {"pushed": int(rounds) * len(users)}


def pace(rounds: float, hz: float, pad: float) -> dict[str, int]:
    """Send a frame to each user so many times a second."""
    due = time.monotonic()
    for account, _ in users.values():
        account.pad = "x" * int(pad)
    for _ in range(int(rounds)):
        push(1, 1)
        due += 1 / hz
        time.sleep(max(due - time.monotonic(), 0))
    return {"pushed": int(rounds) * len(users)}


def book(seconds: float) -> dict[str, int]:
    """Book and send for so long, the same number for each user."""
    until, accepted = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        push(1, 1)
        accepted += len(users)
    return {"accepted": accepted, "final": next(iter(users.values()))[0].version}


def shake(rounds: float, senders: float) -> dict[str, int]:
    """Send from several threads at once to every socket."""

    def send() -> None:
        for _ in range(int(rounds)):
            for account, sockets in users.values():
                for one in tuple(sockets):
                    try:
                        one.send(text(account.message()))
                    except (ConnectionClosed, OSError):
                        sockets.discard(one)

    threads = [threading.Thread(target=send) for _ in range(int(senders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"pushed": int(rounds) * int(senders) * len(users)}


@app.route("/order/<name>")
def order(name: str) -> dict[str, Any]:
    """Do what the bench wants."""
    orders: dict[str, Callable[..., dict[str, int]]] = {
        "push": push,
        "pace": pace,
        "update": book,
        "shake": shake,
        "state": state,
    }
    return orders[name](**{key: float(value) for key, value in request.args.items()})


if __name__ == "__main__":
    serve(app, int(sys.argv[1]), threads=int(sys.argv[2]) + 16)
