"""Hints that the flag server is at a new revision: to the workers of this host, and of others.

A hint holds no flags. It makes a worker ask the server, so that one that is lost, late or sent
again does no harm.
"""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import redis
import structlog

from app.adapters.redis_client import next_message, prompt_client
from app.notifications.seal import MAC_LENGTH, BrokenSealError, Seal
from flags.files import read_whole, replace_file

CHANNEL = "flag-hints"
LISTEN_S = 0.25
PAUSE_S = 1.0
ANY = 0
"""Heard in place of a revision that nobody knows: ask once."""
_LONGEST = MAC_LENGTH + len(".") + 20

_log = structlog.get_logger(__name__)

Hear = Callable[[int], None]


class FileHints:
    """The newest revision that anybody on this host was told of, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature: tuple[int, int] | None = None

    def tell(self, revision: int) -> None:
        """Write a revision down. Raises OSError."""
        replace_file(self._path, json.dumps({"revision": revision}) + "\n", durable=False)

    def changed(self) -> int | None:
        """Return the revision if the file was replaced since the last look. Raises OSError."""
        try:
            stat = self._path.stat()
            signature = (stat.st_mtime_ns, stat.st_ino)
            if signature == self._signature:
                return None
            self._signature = signature
            revision = json.loads(read_whole(self._path, follow=False))["revision"]
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None
        return revision if type(revision) is int else None


class RedisHints:
    """The same over Redis, signed. One thread listens between `start` and `stop`."""

    def __init__(self, url: str, *, secret: Callable[[], bytes], hear: Hear) -> None:
        self._url = url
        self._secret = secret
        self._hear = hear
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False

    def start(self) -> None:
        """Listen; Redis need not be there."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._listen, name="flag-hints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def tell(self, revision: int) -> None:
        """Tell the other hosts; without Redis they find out by asking the server."""
        try:
            with prompt_client(self._url) as client:
                client.publish(CHANNEL, self._seal.close(str(revision).encode()))
        except (redis.RedisError, OSError) as error:
            self._fails(error)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                with prompt_client(self._url) as client, client.pubsub() as subscription:
                    subscription.subscribe(CHANNEL)
                    if self._failing:
                        self._hear(ANY)  # what was said meanwhile was not heard
                    self._failing = False
                    while not self._stopping.is_set():
                        message = next_message(subscription, timeout=LISTEN_S)
                        if message is not None and message["type"] == "message":
                            self._take(message["data"])
            except Exception as error:  # noqa: BLE001 - whatever it was, a deaf worker is worse
                self._fails(error)
                self._stopping.wait(PAUSE_S)

    def _take(self, data: bytes) -> None:
        try:
            body = self._seal.open(data) if len(data) <= _LONGEST else b""
        except BrokenSealError:
            body = b""
        if body.isdigit():
            self._hear(int(body))
        else:
            _log.warning("flag_hint_dropped")

    @property
    def _seal(self) -> Seal:
        return Seal(self._secret(), purpose="flag hints")

    def _fails(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            _log.warning("flag_hints_failed", error=type(error).__name__)
