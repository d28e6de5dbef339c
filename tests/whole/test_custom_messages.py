"""A custom message from another worker, over a real Redis, to a real page."""

import time

import pytest

from app.adapters.redis_bus import MESSAGES
from app.core.BalanceNotificationService import BalanceNotificationService
from app.notifications.passed_on import PassedOn, message_codec
from app.secret import signing_key
from tests.admission.conftest import Service
from tests.web.live import serving, wait_until
from tests.whole.pages import USER, flip, open_page

pytestmark = pytest.mark.redis


@pytest.fixture
def service(tmp_path, redis_server):
    """Serve with a bus, and listen."""
    key = "a key of this test and of no other"
    with (
        serving(tmp_path, notify_bus_url=redis_server.url, secret_key=key) as live,
        redis_server.client() as client,
    ):
        wait_until(lambda: client.pubsub_numsub(MESSAGES)[0][1] == 1)
        yield Service(live)


@pytest.fixture
def other_worker(service, redis_server):
    """Return what says a text to the user's pages as another worker does."""
    codec = message_codec(signing_key(service.live.parts.settings))
    numbers = iter(range(1, 100))

    def say(text):
        message = PassedOn("other", next(numbers), time.time(), USER, text)
        with redis_server.client() as client:
            client.publish(MESSAGES, codec.encode(message))

    return say


def heard(service):
    """Return how many messages came over the bus."""
    return service.live.parts.reach.snapshot()["bus"]["messages_heard"]


def test_what_another_worker_says_is_heard_where_the_canonical_serves(service, other_worker):
    """As it is; and once legacy serves, only its own worker's pages hear of a message."""
    flip(service, 100)
    with open_page(service) as page:
        other_worker('{"type":"ton_boost_activated","userId":74,"data":1}')
        assert page.hear("ton_boost_activated")["data"] == 1
        flip(service, 0)
        other_worker('{"type":"not_for_legacy"}')
        wait_until(lambda: heard(service) == 2)
        flip(service, 100)
        other_worker('{"type":"the_end"}')
        assert page.hear(None)["type"] == "the_end"


def test_what_this_worker_says_is_said_to_the_others(service):
    """And to its own pages once, though the bus brings it back."""
    flip(service, 100)
    bus = service.live.parts.reach
    with open_page(service) as page:
        BalanceNotificationService.get_instance().send_custom_message(USER, "boost", {"a": 1})
        assert page.hear("boost")["data"] == {"a": 1}
        wait_until(lambda: bus.snapshot()["bus"]["messages_published"] == 1)
        page.say(type="ping", timestamp=1)
        assert page.hear(None)["type"] == "pong"
    assert heard(service) == 0
