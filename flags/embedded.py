"""Flags in a file of our own, in Unleash's format, evaluated by Unleash's engine."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from flags.body import flag_body, flag_feature
from flags.decision import FLAG_NAMES
from flags.definition import Held
from flags.features import FlagFormatError
from flags.files import locked, read_whole, replace_file
from flags.state import FlagState, load_state

SETTLED_NS = 100_000_000
"""Age after which a file's time stamp can be trusted to tell a further change apart."""

_log = structlog.get_logger(__name__)


def ensure_flag_file(path: Path) -> bool:
    """Make the flag file if there is none: all flags on at 0 %, which is stage off.

    Returns whether it was made. Raises OSError.
    """
    if path.exists():
        return False
    with locked(path):
        if path.exists():
            return False
        replace_file(path, first_body())
        return True


def first_body() -> str:
    """Return the flags as they are before anybody decided anything."""
    features = [flag_feature(name, percentage=0) for name in FLAG_NAMES]
    return flag_body(1, features)


class EmbeddedProvider:
    """Watches a flag file: no server, and a change is seen at the next `poll`.

    A file that cannot be applied changes nothing: the last good state goes on, stale, and
    `problem` says why. It is logged once for as long as it lasts.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = path
        self._now_ns = now_ns
        self._state = FlagState(0, "embedded")
        self._problem: str | None = None
        self._signature: tuple[int, int, int] | None = None
        self._content: bytes | None = None

    @property
    def state(self) -> FlagState:
        """The last good state."""
        return self._state

    @property
    def ready(self) -> bool:
        """Whether flags were loaded from the file."""
        return self._state.loaded

    @property
    def problem(self) -> str | None:
        """Why the file as it is now is not in use, None when it is."""
        return self._problem

    @property
    def held(self) -> tuple[Held, ...]:
        """Nothing: whoever may write the file may move users."""
        return ()

    def attach(self, changed: Callable[[], object]) -> None:
        """Do nothing: a file tells nobody that it was changed."""

    def start(self) -> None:
        """Make the file on the first run, and load it."""
        try:
            ensure_flag_file(self._path)
        except OSError as error:
            _log.warning("flag_file_not_made", problem=str(error))
        self.poll()

    def stop(self) -> None:
        """Do nothing: no file is kept open."""

    def poll(self) -> bool:
        """Load the file if it changed. Return whether `state` changed. Never raises."""
        try:
            text = self._changed_text()
            if text is None:
                if self._problem is None:
                    self._state.seen.confirm()
                return False
            state = load_state(text, source="embedded")
        except OSError as error:
            self._signature = self._content = None
            return self._refuse(_unreadable(self._path, error))
        except (FlagFormatError, UnicodeDecodeError) as error:
            return self._refuse(f"the flag file {self._path} cannot be applied: {error}")
        state.seen.confirm()
        self._state, self._problem = state, None
        _log.info("flags_loaded", source=state.source, revision=state.revision)
        return True

    def _changed_text(self) -> str | None:
        """Return the file's text, None when it is what was read last.

        Two changes within one tick of the file system's clock can look alike, so a young
        file is read again however alike it looks.
        """
        stat = self._path.stat()
        signature = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if signature == self._signature:
            return None
        settled = self._now_ns() - stat.st_mtime_ns > SETTLED_NS
        content = read_whole(self._path)
        self._signature = signature if settled else None
        if content == self._content:
            return None
        self._content = content
        return content.decode("utf-8")

    def _refuse(self, problem: str) -> bool:
        """Keep the last good state, marked stale; return whether that changed it."""
        if problem != self._problem:
            self._problem = problem
            _log.error("flags_refused", problem=problem, kept_revision=self._state.revision)
        if self._state.stale or not self._state.loaded:
            return False
        self._state = self._state.as_stale()
        return True


def _unreadable(path: Path, error: OSError) -> str:
    """Return what to say about a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return f"there is no flag file {path}: start the service, or run `flask rollout set 0`"
    return f"the flag file cannot be read: {error}"
