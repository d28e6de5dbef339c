"""The bus over Redis pub/sub: one thread publishes, another one listens.

Pub/sub is at most once: what was published while a listener was away is gone, so a listener
that comes back asks for a sweep. No caller waits for Redis: hints wait in a bounded set, messages
in a bounded queue, and the publishing thread gives Redis 200 ms and tries again, more and more
rarely while it is away.
"""

import secrets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import redis
import structlog
from redis.client import PubSub

from app.adapters.outgoing_hints import OutgoingHints
from app.adapters.outgoing_messages import OutgoingMessages
from app.adapters.redis_client import next_message, prompt_client
from app.notifications.hints import MOST_USERS, Hints, hint_codec
from app.notifications.passed_on import PassedOn, Repeats, message_codec
from app.notifications.signed import ForgedMessageError, MalformedMessageError, SignedCodec

CHANNEL = "balance-hints"
MESSAGES = "custom-messages"
POLL_S = 0.01
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
LISTEN_S = 0.25
"""How long one look for a message lasts, and so how long stopping waits at most."""

_log = structlog.get_logger(__name__)

Hear = Callable[[Collection[int]], None]
HearMessage = Callable[[int, str], None]


@dataclass(slots=True)
class BusCounts:
    """What went over the bus since the worker was started.

    `published` and `heard` count hints, `forged` and `malformed` whatever was on the bus.
    `messages_repeated` came a second time, or half a minute late, and were not acted on.
    """

    published: int = 0
    publish_failed: int = 0
    heard: int = 0
    messages_published: int = 0
    messages_heard: int = 0
    messages_repeated: int = 0
    forged: int = 0
    malformed: int = 0
    listener_lost: int = 0


class _Codecs:
    """What signs and reads the two kinds of message."""

    def __init__(self, secret: bytes) -> None:
        self.hints: SignedCodec[Hints] = hint_codec(secret)
        self.messages: SignedCodec[PassedOn] = message_codec(secret)


class RedisBus:
    """A `Bus`, and the service that carries it. Threads run between `start` and `stop`.

    `secret` is asked for the key when it starts.
    """

    def __init__(
        self, url: str, *, secret: Callable[[], bytes], now: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._secret = secret
        self._now = now
        self._hear: Hear = _nobody
        self._hear_message: HearMessage = _nobody_either
        self._missed: Callable[[], None] = _nothing
        self._waiting = OutgoingHints()
        self._messages = OutgoingMessages()
        self._repeats = Repeats()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failing: set[str] = set()
        self._sender = ""
        self.counts = BusCounts()

    def attach(self, *, hear: Hear, hear_message: HearMessage, missed: Callable[[], None]) -> None:
        """Tell `hear` of users whom other workers were told of, `missed` of a possible gap.

        `hear_message` is given a user and the text that another worker sent to its pages. All
        are called on the listening thread.
        """
        self._hear = hear
        self._hear_message = hear_message
        self._missed = missed

    def publish(self, user_id: int) -> None:
        """Have the hint published within milliseconds; if it cannot be, later or never."""
        self._waiting.add(user_id)

    def pass_on(self, user_id: int, text: str) -> None:
        """Have the text sent to the user's pages on other workers, within milliseconds or never."""
        self._messages.add(user_id, text)

    def start(self) -> None:
        """Start both threads; Redis need not be there."""
        self._stopping.clear()
        self._sender = secrets.token_hex(8)
        codecs = _Codecs(self._secret())
        self._threads = [
            threading.Thread(target=run, args=(codecs,), name=name, daemon=True)
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
        return {
            **asdict(self.counts),
            "dropped": self._waiting.dropped,
            "messages_dropped": self._messages.dropped,
        }

    def _publish_all(self, codecs: _Codecs) -> None:
        with prompt_client(self._url) as client:
            pause = 0.0
            while not self._stopping.wait(pause or POLL_S):
                pause = 0.0 if self._publish_waiting(client, codecs) else _longer(pause)
            self._publish_waiting(client, codecs)

    def _publish_waiting(self, client: redis.Redis, codecs: _Codecs) -> bool:
        """Publish until nothing waits; False if Redis did not take it."""
        try:
            self._publish_hints(client, codecs.hints)
            self._publish_messages(client, codecs.messages)
        except (redis.RedisError, OSError) as error:
            self.counts.publish_failed += 1
            self._fails("publishing", error)
            return False
        return True

    def _publish_hints(self, client: redis.Redis, codec: SignedCodec[Hints]) -> None:
        while users := self._waiting.take(MOST_USERS):
            try:
                client.publish(CHANNEL, codec.encode(Hints(self._sender, tuple(users))))
            except BaseException:
                self._waiting.put_back(users)
                raise
            self.counts.published += len(users)
            self._works("publishing")

    def _publish_messages(self, client: redis.Redis, codec: SignedCodec[PassedOn]) -> None:
        while (next_one := self._messages.first()) is not None:
            number, user_id, text = next_one.number, next_one.user_id, next_one.text
            message = PassedOn(self._sender, number, self._now(), user_id, text)
            client.publish(MESSAGES, codec.encode(message))
            self._messages.done()
            self.counts.messages_published += 1
            self._works("publishing")

    def _listen(self, codecs: _Codecs) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            try:
                with prompt_client(self._url) as client, client.pubsub() as subscription:
                    subscription.subscribe(CHANNEL, MESSAGES)
                    while not self._stopping.is_set():
                        self._hear_one(subscription, codecs)
                        pause = 0.0
            except Exception as error:  # noqa: BLE001 - whatever it was, a deaf worker is worse
                self.counts.listener_lost += 1
                self._fails("listening", error)
                pause = _longer(pause)

    def _hear_one(self, subscription: PubSub, codecs: _Codecs) -> None:
        message = next_message(subscription, timeout=LISTEN_S)
        if message is None:
            return
        if message["type"] == "subscribe":
            if message["data"] == 1:  # the first of both channels
                self._works("listening")
                self._missed()
        elif message["type"] == "message":
            self._take(message, codecs)

    def _take(self, message: Mapping[str, Any], codecs: _Codecs) -> None:
        try:
            if message["channel"] == MESSAGES.encode():
                self._take_message(codecs.messages.decode(message["data"]))
            else:
                self._take_hints(codecs.hints.decode(message["data"]))
        except ForgedMessageError as error:
            self.counts.forged += 1
            self._warn_once("forged", error)
        except MalformedMessageError as error:
            self.counts.malformed += 1
            self._warn_once("malformed", error)

    def _take_hints(self, hints: Hints) -> None:
        if hints.sender != self._sender:  # what we sent ourselves we have acted on
            self.counts.heard += len(hints.users)
            self._hear(hints.users)

    def _take_message(self, message: PassedOn) -> None:
        if message.sender == self._sender:
            return
        if not self._repeats.is_new(message, self._now()):
            self.counts.messages_repeated += 1
            return
        self.counts.messages_heard += 1
        self._hear_message(message.user, message.text)

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


def _nobody_either(user_id: int, text: str) -> None:
    """Stand in for who hears messages, until somebody does."""


def _nothing() -> None:
    """Stand in for who repairs a gap, until somebody does."""


def _longer(pause: float) -> float:
    return min(max(pause * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)
