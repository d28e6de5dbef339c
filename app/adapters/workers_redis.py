"""The workers of all hosts in Redis."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import redis

from app.adapters.redis_client import prompt_client
from app.adapters.store_seal import StoreSeal
from app.adapters.workers_sql import record_of
from app.notifications.seal import BrokenSealError
from flags.shared_workers import Aged, WorkerTableError, read_rows
from flags.workers import WorkerId, WorkerRecord

KEY = "workers"

_PUT = """
local now = redis.call('TIME')
return redis.call('HSET', KEYS[1], ARGV[1], now[1] .. '.' .. string.format('%06d', now[2])
    .. ' ' .. ARGV[2])
"""
_READ = "return {redis.call('TIME'), redis.call('HVALS', KEYS[1])}"


class RedisWorkerTable:
    """A `WorkerTable` in Redis: one hash; heartbeats are stamped and aged by its clock.

    Records are signed with a key derived from `secret`: a forged one would confirm what no
    worker has applied.
    """

    def __init__(self, url: str, *, secret: Callable[[], bytes]) -> None:
        self._url = url
        self._seal = StoreSeal(secret, purpose="the workers in Redis")
        self._client: redis.Redis | None = None
        self._making = threading.Lock()

    @property
    def name(self) -> str:
        """What the table is."""
        return "Redis"

    def put(self, record: WorkerRecord) -> None:
        """Replace the worker's record. Raises `WorkerTableError`."""
        client = self._connected()
        try:
            sealed = self._seal.close(msgspec.json.encode(record))
        except BrokenSealError as error:
            raise WorkerTableError(f"the workers in Redis cannot be written: {error}") from error
        _told(lambda: client.eval(_PUT, 1, KEY, _field(record.id), sealed))

    def remove(self, worker: WorkerId) -> None:
        """Delete the worker's record. Raises `WorkerTableError`."""
        client = self._connected()
        _told(lambda: client.hdel(KEY, _field(worker)))

    def read(self) -> tuple[Aged, ...]:
        """Return every record. Raises `WorkerTableError`."""
        client = self._connected()
        (seconds, micros), values = _told(lambda: client.eval(_READ, 1, KEY))
        now = int(seconds) + int(micros) / 1e6
        return read_rows((_aged(value, now) for value in values), self._record)

    def close(self) -> None:
        """Close all connections."""
        with self._making:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _record(self, sealed: bytes) -> WorkerRecord:
        """Return what a signed record says. Raises `WorkerTableError`."""
        try:
            return record_of(self._seal.open(sealed))
        except BrokenSealError as error:
            raise _foreign(error) from error

    def _connected(self) -> redis.Redis:
        with self._making:
            if self._client is None:
                self._client = prompt_client(self._url)
            return self._client


def _field(worker: WorkerId) -> str:
    return f"{worker.host} {worker.pid} {worker.namespace}".rstrip()


def _aged(value: bytes, now: float) -> tuple[bytes, float]:
    """Return a signed record and the age of its heartbeat. Raises `WorkerTableError`."""
    seen_at, _, sealed = value.partition(b" ")
    try:
        return sealed, now - float(seen_at)
    except ValueError as error:
        raise _foreign(error) from error


def _foreign(error: ValueError) -> WorkerTableError:
    return WorkerTableError(f"a worker's record in Redis, under {KEY}, is none of ours: {error}")


def _told(ask: Callable[[], Any]) -> Any:
    """Return what Redis answers. Raises `WorkerTableError`."""
    try:
        return ask()
    except (redis.RedisError, OSError) as error:
        raise WorkerTableError(
            f"the workers in Redis cannot be read or written ({type(error).__name__}): see"
            " whether Redis runs where NOTIFY_BUS_URL says"
        ) from error
