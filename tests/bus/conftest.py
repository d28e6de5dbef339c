"""A Redis of a test's own, and members of its bus."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from app.adapters.redis_bus import RedisBus
from tests.patience import PATIENCE_S
from tests.servers import RedisServer

SECRET = b"the key that all workers share, "


def until(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as the condition holds; fail once it took too long: see `patience`."""
    within = max(within, PATIENCE_S)
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {within} s"
        time.sleep(0.002)


@dataclass
class Member:
    """One worker's end of the bus, and what it heard."""

    bus: RedisBus
    heard: list[int] = field(default_factory=list)
    messages: list[tuple[int, str]] = field(default_factory=list)
    gaps: int = 0

    def hear(self, users) -> None:
        """Note who changed."""
        self.heard += users

    def hear_message(self, user_id: int, text: str) -> None:
        """Note what was said to whom."""
        self.messages.append((user_id, text))

    def missed(self) -> None:
        """Note that something may have been missed."""
        self.gaps += 1


Join = Callable[..., Member]


@pytest.fixture
def join(redis_server: RedisServer) -> Iterator[Join]:
    """Return what makes a member of the bus, started and listening."""
    members: list[Member] = []

    def make(*, secret: bytes = SECRET, url: str | None = None, wait: bool = True) -> Member:
        member = Member(RedisBus(url or redis_server.url, secret=lambda: secret))
        member.bus.attach(hear=member.hear, hear_message=member.hear_message, missed=member.missed)
        member.bus.start()
        members.append(member)
        if wait:
            until(lambda: member.gaps)
        return member

    yield make
    for member in members:
        member.bus.stop()


@contextmanager
def away(server: RedisServer, how: str) -> Iterator[None]:
    """Keep Redis from answering for the length of the block."""
    if how == "killed":
        server.kill()
        yield
        server.start()
    else:
        server.freeze()
        try:
            yield
        finally:
            server.thaw()
