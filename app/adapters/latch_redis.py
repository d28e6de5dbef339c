"""The latch in Redis: it reaches every host within milliseconds, as long as Redis is there."""

import threading
import time
from collections.abc import Callable

import redis
from redis.client import PubSub

from app.adapters.redis_client import next_message, prompt_client
from app.adapters.store_seal import StoreSeal
from app.notifications.seal import BrokenSealError
from flags.latch import Latch, LatchStoreError, Placed, latch_from_text, latch_to_text

KEY = "kill-switch"
CHANNEL = "kill-switch"
SLICE_S = 0.05
"""How long one look for an announcement lasts, and so how long stopping waits at most."""

PUTS = 100
"""How often a put begins anew because another writer came in between."""

_SWAP = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'hash' then redis.call('DEL', KEYS[1]) end
if (redis.call('HGET', KEYS[1], 'sealed') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
redis.call('PUBLISH', ARGV[3], '')
return 1
"""
"""Replaces what a writer has read, and nothing else. Which latch is the higher one is told by
the writer, from what is signed: whoever reaches Redis can write any number beside it."""


class RedisLatchStore:
    """A `FarStore` in Redis: a hash that is swapped by a script, and announced on a channel.

    The latch is signed with a key derived from `secret`, so that whoever reaches Redis
    cannot let go of it. The announcement says nothing but that there is something to read.
    """

    def __init__(self, url: str, *, secret: Callable[[], bytes]) -> None:
        self._url = url
        self._seal = StoreSeal(secret, purpose="the kill switch in Redis")
        self._client: redis.Redis | None = None
        self._listener: redis.Redis | None = None
        self._subscription: PubSub | None = None
        self._making = threading.Lock()

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
        try:
            sealed = self._seal.close(latch_to_text(latch).encode())
            for _ in range(PUTS):
                kept = self._kept()
                present = self._latch_if_signed(kept)
                if present is not None and not latch.outranks(present):
                    return Placed(present, time.time())
                at = time.time()
                if self._connected().eval(_SWAP, 1, KEY, kept, sealed, CHANNEL):
                    return Placed(latch, at)
        except (redis.RedisError, OSError) as error:
            raise _unusable("written", error) from error
        except BrokenSealError as error:
            raise LatchStoreError(f"the kill switch in Redis cannot be signed: {error}") from error
        raise LatchStoreError(
            f"the kill switch in Redis, under {KEY}, was changed by others {PUTS} times while it"
            " was to be written: see who writes there"
        )

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

    def _kept(self) -> bytes:
        """Return the signed text, empty if there is none. Raises `redis.RedisError`."""
        try:
            return bytes(self._connected().hget(KEY, "sealed") or b"")
        except redis.ResponseError:  # something else was put under this key
            return b""

    def _latch_if_signed(self, sealed: bytes) -> Latch | None:
        """Return what a text says, None if nobody signed it who has the key."""
        try:
            return self._latch(sealed)
        except LatchStoreError:
            return None

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
