"""The latch in Redis: it reaches every host within milliseconds, as long as Redis is there."""

import threading
import time
from collections.abc import Callable

import redis
from redis.client import PubSub

from app.adapters.redis_client import next_message, prompt_client
from app.notifications.seal import BrokenSealError, Seal
from flags.latch import Latch, LatchStoreError, Placed, latch_from_text, latch_to_text

KEY = "kill-switch"
CHANNEL = "kill-switch"
SLICE_S = 0.05
"""How long one look for an announcement lasts, and so how long stopping waits at most."""

_PUT = """
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch'))
local engaged = tonumber(redis.call('HGET', KEYS[1], 'engaged'))
local sealed = redis.call('HGET', KEYS[1], 'sealed')
local new_epoch, new_engaged = tonumber(ARGV[1]), tonumber(ARGV[2])
if not epoch or not engaged or not sealed or sealed == ARGV[4]
    or new_epoch > epoch or (new_epoch == epoch and new_engaged > engaged) then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'engaged', ARGV[2], 'sealed', ARGV[3])
  redis.call('PUBLISH', ARGV[5], ARGV[1])
  return ARGV[3]
end
return sealed
"""
"""Keeps the higher of two latches in one step. ARGV[4] is a text that cannot be read: over
that, any latch wins."""


class RedisLatchStore:
    """A `FarStore` in Redis: a hash that is compared by a script, and announced on a channel.

    The latch is signed with a key derived from `secret`, so that whoever reaches Redis
    cannot let go of it. The announcement says nothing but that there is something to read.
    """

    def __init__(self, url: str, *, secret: Callable[[], bytes]) -> None:
        self._url = url
        self._secret = secret
        self._client: redis.Redis | None = None
        self._listener: redis.Redis | None = None
        self._subscription: PubSub | None = None
        self._making = threading.Lock()
        self._seal: Seal

    @property
    def name(self) -> str:
        """What the store is."""
        return "Redis"

    def read(self) -> Latch | None:
        """Return the latch, None when nothing was ever put. Raises `LatchStoreError`."""
        try:
            sealed = self._connected().hget(KEY, "sealed")
        except (redis.RedisError, OSError) as error:
            raise _unusable("read", error) from error
        return None if sealed is None else self._latch(sealed)

    def put(self, latch: Latch) -> Placed:
        """Keep `latch` and announce it, unless the one kept is as high.

        Raises `LatchStoreError`.
        """
        client = self._connected()
        sealed = self._seal.close(latch_to_text(latch).encode())
        values = (latch.epoch, int(latch.engaged), sealed, self._unreadable(client), CHANNEL)
        at = time.time()
        try:
            kept = client.eval(_PUT, 1, KEY, *values)
        except (redis.RedisError, OSError) as error:
            raise _unusable("written", error) from error
        return Placed(self._latch(kept), at)

    def wait(self, stopping: threading.Event, *, seconds: float) -> None:
        """Return when a latch was announced, or after `seconds`. Raises `LatchStoreError`."""
        deadline = time.monotonic() + seconds
        try:
            subscription = self._subscribed()
            while not stopping.is_set() and time.monotonic() < deadline:
                if next_message(subscription, timeout=SLICE_S) is not None:
                    return  # also when the subscription begins: something may have been missed
        except (redis.RedisError, OSError) as error:
            self._unsubscribe()
            raise _unusable("heard of", error) from error

    def close(self) -> None:
        """Close all connections."""
        self._unsubscribe()
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> redis.Redis:
        with self._making:
            if self._client is None:
                self._seal = Seal(self._secret(), purpose="the kill switch in Redis")
                self._client = prompt_client(self._url)
            return self._client

    def _subscribed(self) -> PubSub:
        if self._subscription is None:
            self._listener = prompt_client(self._url)
            self._subscription = self._listener.pubsub()
            self._subscription.subscribe(CHANNEL)
        return self._subscription

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
        if self._listener is not None:
            self._listener.close()
        self._subscription = self._listener = None

    def _unreadable(self, client: redis.Redis) -> bytes:
        """Return what is kept if it cannot be read; nothing else."""
        try:
            sealed = client.hget(KEY, "sealed")
        except (redis.RedisError, OSError) as error:
            raise _unusable("read", error) from error
        if sealed is not None:
            try:
                self._latch(sealed)
            except LatchStoreError:
                return bytes(sealed)
        return b""

    def _latch(self, sealed: bytes) -> Latch:
        """Return what the signed text says. Raises `LatchStoreError`."""
        try:
            return latch_from_text(self._seal.open(sealed).decode(errors="replace"))
        except (BrokenSealError, ValueError) as error:
            raise LatchStoreError(
                f"the kill switch in Redis, under {KEY}, cannot be read: {error}; write it anew"
                " with `flask rollout rollback`, or with `flask rollout resume`"
            ) from error


def _unusable(what: str, error: Exception) -> LatchStoreError:
    return LatchStoreError(
        f"the kill switch in Redis cannot be {what} ({type(error).__name__}): see whether Redis"
        " runs where NOTIFY_BUS_URL says"
    )
