"""What becomes of a hint that the flag server was turned: all workers ask it."""

import time
from collections.abc import Callable

import structlog

from app.adapters.flag_hints import FileHints, RedisHints
from app.secret import signing_key
from app.settings import Settings

_log = structlog.get_logger("app")

Hurry = Callable[[int], None]
REPEATED_S = 3.0
"""Seconds for which what is not newer than the last hint is no news. Later it is: a server that
was restored from a backup counts from a lower number."""


class FlagHints:
    """Passes a revision on to this worker, to the file of the host, and to Redis if there is one.

    `poll` is called every 20 ms by the thread that follows the flags.
    """

    def __init__(
        self,
        hurry: Hurry,
        *,
        file: FileHints,
        redis: RedisHints | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hurry = hurry
        self._file = file
        self._redis = redis
        self._monotonic = monotonic
        self._told_at = 0.0
        self.told = 0
        """The revision that this worker passed on last."""

    def start(self) -> None:
        """Begin to listen."""
        self.poll()
        if self._redis is not None:
            self._redis.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._redis is not None:
            self._redis.stop()

    def tell(self, revision: int) -> None:
        """Have all workers ask until the server is at `revision`; many at once cost little."""
        self._hurry(revision)
        now = self._monotonic()
        if revision <= self.told and now - self._told_at < REPEATED_S:
            return
        self.told, self._told_at = revision, now
        try:
            self._file.tell(revision)
        except OSError as error:
            _log.warning("flag_hint_not_written", error=str(error))
        if self._redis is not None:
            self._redis.tell(revision)

    def poll(self) -> None:
        """Take what another worker of this host, or a command, has written down."""
        try:
            revision = self._file.changed()
        except OSError:
            return
        if revision is not None:
            self._hurry(revision)


def build_flag_hints(settings: Settings, hurry: Hurry) -> FlagHints:
    """Build it on what the settings name; nothing is started."""
    redis = None
    if settings.notify_bus_url is not None and settings.unleash_url is not None:
        redis = RedisHints(
            settings.notify_bus_url, secret=lambda: signing_key(settings), hear=hurry
        )
    return FlagHints(hurry, file=FileHints(settings.flag_hint_file), redis=redis)
