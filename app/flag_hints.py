"""What becomes of a hint that the flag server was turned: all workers ask it."""

from collections.abc import Callable

import structlog

from app.adapters.flag_hints import FileHints, RedisHints
from app.secret import signing_key
from app.settings import Settings

_log = structlog.get_logger("app")

Hurry = Callable[[int], None]


class FlagHints:
    """Passes a revision on to this worker, to the file of the host, and to Redis if there is one.

    `poll` is called every 20 ms by the thread that follows the flags.
    """

    def __init__(self, hurry: Hurry, *, file: FileHints, redis: RedisHints | None) -> None:
        self._hurry = hurry
        self._file = file
        self._redis = redis
        self.told = 0
        """The newest revision that this worker was told of."""

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
        if revision <= self.told:
            return
        self.told = revision
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
