"""Hints that the flag server was turned, over a real Redis."""

from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from app.adapters import redis_client
from app.adapters.flag_hints import ANY, CHANNEL, RedisHints
from tests.bus.conftest import away, until
from tests.servers import RedisServer

pytestmark = pytest.mark.redis

SECRET = b"the key that all workers share, "
Join = Callable[..., tuple[RedisHints, list[int]]]


@pytest.fixture
def join(redis_server: RedisServer) -> Iterator[Join]:
    """Yield what starts a listener, and returns it with what it has heard; they are stopped."""
    listeners: list[RedisHints] = []

    def join(*, secret: bytes = SECRET) -> tuple[RedisHints, list[int]]:
        heard: list[int] = []
        hints = RedisHints(redis_server.url, secret=lambda: secret, hear=heard.append)
        hints.start()
        listeners.append(hints)
        with redis_server.client() as client:
            until(lambda: client.pubsub_numsub(CHANNEL)[0][1] == len(listeners))
        return hints, heard

    yield join
    for each in listeners:
        each.stop()


def tell(one: RedisHints, revision: int, *lists: list[int]) -> None:
    """Tell of a revision until all have heard: a busy machine may lose a hint, or several."""
    until(lambda: one.tell(revision) or all(revision in heard for heard in lists))


def test_every_other_host_hears_a_hint(join: Join) -> None:
    """What one tells, all who listen are told."""
    (one, heard), (_, also) = join(), join()
    tell(one, 511, heard, also)
    assert {*heard, *also} <= {511, ANY}


@pytest.mark.parametrize("message", [b"", b"511", b"." * 80, b"0" * 64 + b".511", b"x" * 10_000])
def test_what_is_not_signed_is_dropped(
    join: Join, redis_server: RedisServer, message: bytes
) -> None:
    """Whoever reaches Redis without the key makes no worker ask; a good hint still arrives."""
    one, heard = join()
    with capture_logs() as logs, redis_server.client() as client:
        until(lambda: client.publish(CHANNEL, message) and logs)
        tell(one, 12, heard)
    assert {*heard} <= {12, ANY}
    events = {log["event"] for log in logs}
    assert {"flag_hint_dropped"} <= events <= {"flag_hint_dropped", "flag_hints_failed"}


def test_a_host_with_another_key_is_not_heard(join: Join) -> None:
    """Its hints are dropped, as those of a stranger."""
    (foreign, _), (own, heard) = join(secret=b"another key, of somebody else's."), join()
    foreign.tell(11)
    tell(own, 12, heard)
    assert {*heard} <= {12, ANY}


def test_a_listener_comes_back_with_redis(join: Join, redis_server: RedisServer) -> None:
    """Hints of the outage are lost: it asks once, whatever they were; later ones arrive."""
    one, heard = join()
    redis_server.kill()
    one.tell(11)
    redis_server.start()
    with redis_server.client() as client:
        until(lambda: client.pubsub_numsub(CHANNEL)[0][1] == 1)
    until(lambda: ANY in heard)
    tell(one, 12, heard)
    assert 11 not in heard


def test_a_listener_connects_anew_when_redis_hangs(
    join: Join, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection stands and nothing comes over it: that is noticed, said once, and mended."""
    monkeypatch.setattr(redis_client, "HEALTH_CHECK_S", 1)
    one, heard = join()
    with capture_logs() as logs, away(redis_server, "frozen"):
        until(lambda: logs)
    assert {log["event"] for log in logs} == {"flag_hints_failed"}
    until(lambda: ANY in heard)
    tell(one, 12, heard)
