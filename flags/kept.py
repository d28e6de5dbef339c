"""The flags that were followed last, kept on disk over a restart without the flag server."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from flags.files import read_whole, replace_file

_log = structlog.get_logger(__name__)


class KeptBody:
    """One body in the client-features format, shared by the workers of an instance folder."""

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self._path

    def read(self) -> tuple[str, float] | None:
        """Return the body and its age in seconds, None if there is none. Raises OSError."""
        try:
            text = read_whole(self._path).decode(errors="replace")
            return text, max(0.0, self._now() - self._path.stat().st_mtime)
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """Keep a body; a disk that does not take it costs nothing but the next restart."""
        try:
            replace_file(self._path, text, durable=False)
        except OSError as error:
            _log.warning("flags_not_kept", problem=str(error))
