"""The bus over Redis pub/sub: one thread publishes, another one listens.

Pub/sub is at most once: what was published while a listener was away is gone, so a listener
that comes back asks for a sweep. No caller waits for Redis: hints wait in a bounded set, and
the publishing thread gives Redis 200 ms and tries again, more and more rarely while it is away.
"""

import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

import redis
import structlog
from redis.client import PubSub

from app.adapters.outgoing_hints import OutgoingHints
from app.adapters.redis_client import prompt_client
from app.notifications.hints import MOST_USERS, ForgedHintsError, HintCodec, MalformedHintsError

CHANNEL = "balance-hints"
POLL_S = 0.01
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
LISTEN_S = 0.25
"""How long one look for a message lasts, and so how long stopping waits at most."""
UNANSWERED = 8
"""So many questions of a listener that heard nothing go unanswered, and it connects anew."""

_log = structlog.get_logger(__name__)

Hear = Callable[[Collection[int]], None]


@dataclass(slots=True)
class BusCounts:
    """What went over the bus since the worker was started, in hints or messages."""

    published: int = 0
    publish_failed: int = 0
    heard: int = 0
    forged: int = 0
    malformed: int = 0
    listener_lost: int = 0


class RedisBus:
    """A `Bus`, and the service that carries it. Threads run between `start` and `stop`.

    `secret` is asked for the key when it starts.
    """

    def __init__(self, url: str, *, secret: Callable[[], bytes]) -> None:
        self._url = url
        self._secret = secret
        self._hear: Hear = _nobody
        self._missed: Callable[[], None] = _nothing
        self._waiting = OutgoingHints()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failing: set[str] = set()
        self._sender = ""
        self.counts = BusCounts()

    def attach(self, *, hear: Hear, missed: Callable[[], None]) -> None:
        """Tell `hear` of users whom other workers were told of, `missed` of a possible gap.

        Both are called on the listening thread.
        """
        self._hear = hear
        self._missed = missed

    def publish(self, user_id: int) -> None:
        """Have the hint published within milliseconds; if it cannot be, later or never."""
        self._waiting.add(user_id)

    def start(self) -> None:
        """Start both threads; Redis need not be there."""
        self._stopping.clear()
        self._sender = secrets.token_hex(8)
        codec = HintCodec(self._secret())
        self._threads = [
            threading.Thread(target=run, args=(codec,), name=name, daemon=True)
            for name, run in (("bus-publisher", self._publish_all), ("bus-listener", self._listen))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Publish what waits, if Redis is there, and end the threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(2.0)
        self._threads = []

    @property
    def problems(self) -> tuple[str, ...]:
        """What does not work at this moment."""
        return tuple(sorted(self._failing))

    def snapshot(self) -> dict[str, int]:
        """Return the counts as plain data."""
        return {**asdict(self.counts), "dropped": self._waiting.dropped}

    def _publish_all(self, codec: HintCodec) -> None:
        with prompt_client(self._url) as client:
            pause = 0.0
            while not self._stopping.wait(pause or POLL_S):
                pause = 0.0 if self._publish_waiting(client, codec) else _longer(pause)
            self._publish_waiting(client, codec)

    def _publish_waiting(self, client: redis.Redis, codec: HintCodec) -> bool:
        """Publish until nothing waits; False if Redis did not take it."""
        while users := self._waiting.take(MOST_USERS):
            try:
                client.publish(CHANNEL, codec.encode(self._sender, users))
            except (redis.RedisError, OSError) as error:
                self._waiting.put_back(users)
                self.counts.publish_failed += 1
                self._fails("publishing", error)
                return False
            self.counts.published += len(users)
            self._works("publishing")
        return True

    def _listen(self, codec: HintCodec) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                with prompt_client(self._url) as client, client.pubsub() as subscription:
                    subscription.subscribe(CHANNEL)
                    while not self._stopping.is_set():
                        self._hear_one(subscription, codec)
                        pause = 0.0
            except Exception as error:  # noqa: BLE001 - whatever it was, a deaf worker is worse
                self.counts.listener_lost += 1
                self._fails("listening", error)
                pause = _longer(pause)

    def _hear_one(self, subscription: PubSub, codec: HintCodec) -> None:
        message = subscription.get_message(timeout=LISTEN_S)
        if message is None:
            if subscription.health_check_response_counter > UNANSWERED:
                raise redis.TimeoutError("Redis does not answer: connect anew")
            return
        if message["type"] == "subscribe":
            self._works("listening")
            self._missed()
        elif message["type"] == "message":
            self._take(message["data"], codec)

    def _take(self, data: object, codec: HintCodec) -> None:
        try:
            hints = codec.decode(data)
        except ForgedHintsError as error:
            self.counts.forged += 1
            self._warn_once("forged", error)
        except MalformedHintsError as error:
            self.counts.malformed += 1
            self._warn_once("malformed", error)
        else:
            if hints.sender != self._sender:  # what we sent ourselves we have acted on
                self.counts.heard += len(hints.users)
                self._hear(hints.users)

    def _warn_once(self, kind: str, error: Exception) -> None:
        if getattr(self.counts, kind) == 1:
            _log.warning("bus_message_dropped", kind=kind, error=str(error))

    def _fails(self, what: str, error: Exception) -> None:
        if what not in self._failing:
            self._failing.add(what)
            _log.warning("bus_failed", what=what, error=type(error).__name__)

    def _works(self, what: str) -> None:
        if what in self._failing:
            self._failing.discard(what)
            _log.info("bus_works_again", what=what)


def _nobody(users: Collection[int]) -> None:
    """Stand in for who hears, until somebody does."""


def _nothing() -> None:
    """Stand in for who repairs a gap, until somebody does."""


def _longer(pause: float) -> float:
    return min(max(pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
