"""The bus over a real Redis: what arrives, what is refused, and what Redis may do to it."""

import time

import pytest
import structlog

from app.adapters import redis_client
from app.adapters.redis_bus import CHANNEL, RedisBus
from app.notifications.hints import Hints, hint_codec
from app.notifications.seal import Seal
from tests.bus.conftest import SECRET, away, until
from tests.patience import patient

pytestmark = pytest.mark.redis


def test_a_hint_reaches_every_other_worker_and_not_its_own(join):
    """Who publishes has acted on it already."""
    one, two, three = join(), join(), join()
    one.bus.publish(7)
    until(lambda: two.heard == three.heard == [7])
    two.bus.publish(8)
    until(lambda: one.heard == [8])
    assert one.bus.snapshot()["published"] == 1
    assert one.bus.problems == ()


def test_a_flood_of_hints_goes_in_few_messages(join):
    """Ten thousand users of one run are carried by messages of up to five hundred."""
    one, two = join(), join()
    for user in range(1, 10_001):
        one.bus.publish(user)
    until(lambda: len(two.heard) == 10_000)
    assert two.heard == list(range(1, 10_001))


def test_forged_and_malformed_messages_are_counted_and_dropped(join, redis_server):
    """What follows them is heard; each kind is logged once, without the message."""
    with structlog.testing.capture_logs() as log:
        member = join()
        stranger = join(secret=b"somebody else's key")
        stranger.bus.publish(666)
        codec = hint_codec(SECRET)
        body = b'{"users":"all"}'
        with redis_server.client() as client:
            nonsense = Seal(SECRET, purpose="hints on the bus").close(body)
            for message in (b"", b"\xff" * 99, b"x" * 100_000, nonsense):
                client.publish(CHANNEL, message)
            until(lambda: member.bus.snapshot()["forged"] == 4)
            client.publish(CHANNEL, codec.encode(Hints("worker", (7,))))
        until(lambda: member.heard)
    assert member.heard == [7]
    assert member.bus.snapshot()["malformed"] == 1
    dropped = [line for line in log if line["event"] == "bus_message_dropped"]
    assert sorted(line["kind"] for line in dropped) == ["forged", "forged", "malformed"]
    assert "all" not in str(dropped).replace("all hosts", "")


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_no_caller_waits_for_a_redis_that_does_not_answer(join, redis_server, how):
    """A thousand hints are handed over in far less than what one may cost."""
    member = join()
    with away(redis_server, how):
        began = time.monotonic()
        for user in range(1, 1001):
            member.bus.publish(user)
        took = time.monotonic() - began
        until(lambda: "publishing" in member.bus.problems)
        assert member.bus.snapshot()["publish_failed"]
    assert took < patient(0.2)


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_the_bus_comes_back_by_itself(join, redis_server, how, monkeypatch):
    """After five seconds hints flow again, those of the outage too, and the gap is told."""
    monkeypatch.setattr(redis_client, "HEALTH_CHECK_S", 1)
    one, two = join(), join()
    gaps = two.gaps
    with away(redis_server, how):
        one.bus.publish(7)
        time.sleep(5)
        assert two.bus.snapshot()["listener_lost"] >= 1
        assert "listening" in two.bus.problems
    until(lambda: two.gaps > gaps)
    one.bus.publish(8)
    until(lambda: 8 in two.heard)
    until(lambda: one.bus.problems == two.bus.problems == ())


def test_a_worker_starts_without_a_redis(join, redis_server):
    """It says that the bus is away, and joins when there is one."""
    redis_server.kill()
    member = join(wait=False)
    until(lambda: member.bus.problems == ("listening",))
    redis_server.start()
    until(lambda: member.gaps == 1)
    assert member.bus.problems == ()


def test_an_outage_is_logged_once_and_its_end_once(join, redis_server):
    """Not at every attempt, and without the address, which may hold a password."""
    with structlog.testing.capture_logs() as log:
        member = join()
        redis_server.kill()
        until(lambda: member.bus.snapshot()["listener_lost"] >= 3)
        redis_server.start()
        until(lambda: member.gaps == 2)
    events = [(line["event"], line["what"]) for line in log if line["event"].startswith("bus_")]
    assert events == [("bus_failed", "listening"), ("bus_works_again", "listening")]
    assert redis_server.url not in str(log)


def test_stopping_publishes_what_waits_and_ends_in_time(join):
    """Nothing that was handed over is lost by a worker that leaves in good order."""
    one, two = join(), join()
    for user in range(1, 1001):
        one.bus.publish(user)
    began = time.monotonic()
    one.bus.stop()
    assert time.monotonic() - began < patient(2)
    until(lambda: len(two.heard) == 1000)


def test_stopping_is_quick_while_redis_hangs(join, redis_server):
    """A worker that leaves waits for nobody."""
    member = join()
    with away(redis_server, "frozen"):
        member.bus.publish(7)
        began = time.monotonic()
        member.bus.stop()
        assert time.monotonic() - began < patient(3)


def test_a_listener_that_raises_loses_one_message_and_goes_on(join):
    """Whatever hears the hints cannot make the worker deaf."""
    one, two = join(), join()
    heard = []

    def hear(users):
        heard.extend(users)
        if users == (7,):
            raise RuntimeError("not today")

    two.bus.attach(hear=hear, hear_message=two.hear_message, missed=two.missed)
    one.bus.publish(7)
    until(lambda: two.gaps == 2)
    one.bus.publish(8)
    until(lambda: heard == [7, 8])


def test_nothing_is_opened_before_it_is_started():
    """Built in the master, it lives through the fork."""
    bus = RedisBus("redis://192.0.2.1", secret=lambda: 1 / 0)
    bus.publish(7)
    assert bus.snapshot()["published"] == 0
