"""The sockets and the canonical service of this project under gunicorn, over balances in memory.

python -m bench.peers.ours PORT
"""

import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from flask import Flask, request

from app.core import websocket_endpoint
from app.notifications.connections import BrowserConnection
from app.notifications.ports import BalanceHint, BookedTransaction, UserTruth
from app.notifications.service import BalanceNotifications
from app.notifications.timers import TimerThread
from app.web.admission import Admission, Mode
from app.web.sockets import init_sockets
from bench.peers.gunicorn import serve
from bench.peers.words import Account, state

encode = msgspec.json.Encoder().encode
MICROSECOND = Decimal("0.000001")


class Truth:
    """Balances in memory; all that came in since is one transaction."""

    def __init__(self, accounts: dict[int, Account]) -> None:
        self._accounts = accounts

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Return what the users have."""
        return {user_id: self._of(user_id, known) for user_id, known in since.items()}

    def place(self, user_id: int, uni: Decimal, ton: Decimal) -> int | None:
        """Return the version with these balances: the UNI balance is the version."""
        return int(uni)

    def _of(self, user_id: int, known: int | None) -> UserTruth:
        account = self._accounts.setdefault(user_id, Account(user_id))
        version, uni = account.version, Decimal(account.version)
        ton = Decimal(account.at).quantize(MICROSECOND)
        newer = ()
        if known is not None and version > known:
            amount = Decimal(version - known)
            newer = (BookedTransaction(version, "UNI", amount, "farming", uni, ton, EPOCH),)
        return UserTruth(user_id, version, uni, ton, newer)


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Peer:
    """The application and what the bench orders."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.timers = TimerThread("windows")
        self.service = BalanceNotifications(
            truth=Truth(self.accounts), clock=self.timers, serves=lambda _: True
        )
        websocket_endpoint.BalanceNotificationService = self
        self.app = Flask("ours")
        # As it ships, but that users need no session: the bench does not sign in.
        self.sockets = init_sockets(
            self.app, admission=Admission(Mode.OFF, verify=int, people=None)
        )
        self.app.add_url_rule("/order/<name>", view_func=self.order)

    def get_instance(self) -> BalanceNotifications:
        """Answer as the class at the historic path does."""
        return self.service

    def start(self) -> None:
        """Start in the worker."""
        self.timers.start()
        self.sockets.start()

    def stop(self) -> None:
        """Stop in the worker."""
        self.sockets.stop()
        self.timers.stop()

    def order(self, name: str) -> dict[str, Any]:
        """Do what the bench wants."""
        return {
            "push": self.push,
            "pace": self.pace,
            "update": self.update,
            "shake": self.shake,
            "state": state,
        }[name](**{key: float(value) for key, value in request.args.items()})

    def connections(self) -> list[tuple[Account, BrowserConnection]]:
        """Return every user's account and connection."""
        users = sorted(self.accounts)
        return [(self.accounts[u], c) for u in users for c in self.service.connections_of(u)]

    def push(self, rounds: float, ahead: float) -> dict[str, int]:
        """Hand so many frames to each user; `ahead` of them may wait on a connection."""
        pairs = self.connections()
        for number in range(int(rounds)):
            if number % int(ahead) == 0:
                for account, connection in pairs:
                    while connection.waiting:
                        time.sleep(0.001)
                    push(account, connection)
            else:
                for account, connection in pairs:
                    push(account, connection)
        return {"pushed": int(rounds) * len(pairs)}

    def pace(self, rounds: float, hz: float, pad: float) -> dict[str, int]:
        """Hand a frame to each user so many times a second."""
        pairs, due = self.connections(), time.monotonic()
        for account, _ in pairs:
            account.pad = "x" * int(pad)
        failed = 0
        for _ in range(int(rounds)):
            failed += push_round(pairs)
            due += 1 / hz
            time.sleep(max(due - time.monotonic(), 0))
        return {"pushed": int(rounds) * len(pairs) - failed}

    def update(self, seconds: float, rate: float = 0) -> dict[str, int]:
        """Book and notify for so long, one user after the other, the same number for each.

        `rate` is so many a second, 0 as many as it can.
        """
        accounts, notify = [account for account, _ in self.connections()], self.notify
        begun, accepted = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            for account in accounts:
                notify(account)
            accepted += len(accounts)
            if rate:
                time.sleep(max(begun + accepted / rate - time.monotonic(), 0))
        return {"accepted": accepted, "final": accounts[0].version}

    def notify(self, account: Account) -> None:
        """Book one update and tell the service."""
        account.book()
        self.service.notify_balance_update(BalanceHint(account.user_id))

    def shake(self, rounds: float, senders: float) -> dict[str, int]:
        """Send from several threads at once to every connection."""
        pairs = self.connections()
        texts = {a.user_id: encode(a.message()).decode() for a, _ in pairs}

        def send() -> None:
            for number in range(int(rounds)):
                if number % 4 == 0:
                    drain(connection for _, connection in pairs)
                for account, connection in pairs:
                    connection.send(texts[account.user_id])

        threads = [threading.Thread(target=send) for _ in range(int(senders))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"pushed": int(rounds) * int(senders) * len(pairs)}


def push(account: Account, connection: BrowserConnection) -> None:
    """Book, put it into words, and hand it over."""
    account.book()
    connection.send(encode(account.message()).decode())


def push_round(pairs: Iterable[tuple[Account, BrowserConnection]]) -> int:
    """Hand each user one frame; return how many were closed because they do not read."""
    failed = 0
    for account, connection in pairs:
        try:
            push(account, connection)
        except ConnectionError:
            failed += 1
    return failed


def drain(connections: Iterable[BrowserConnection]) -> None:
    """Wait until nothing waits on any of them."""
    for connection in connections:
        while connection.waiting:
            time.sleep(0.001)


if __name__ == "__main__":
    peer = Peer()
    serve(
        peer.app,
        int(sys.argv[1]),
        threads=8,
        worker_class="app.web.worker.PromptWorker",  # as the project is served
        start=peer.start,
        stop=peer.stop,
    )
