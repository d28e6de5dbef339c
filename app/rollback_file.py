"""A rollback without the command line: whoever makes the file gets it."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog

from app.steady import wall_clock
from flags.files import read_start
from flags.history import History, HistoryEntry
from flags.kill_switch import KillSwitch
from flags.latch import Latch, LatchStoreError

MOST_READ = 200
"""Bytes of the file that are taken for the reason."""

WHO = "a file"
LOCK_S = 0.05
"""Seconds that the history's lock is waited for: flips are followed by the same thread."""
AGAIN_S = 1.0
"""Seconds until a history that could not be written is tried again."""

_log = structlog.get_logger(__name__)


class RollbackFile:
    """Engages the kill switch when the file is there, and takes the file away.

    The file's text is the reason. It stays until a store holds the rollback: one that only memory
    has would be undone by a restart. Where it cannot be taken away the rollback holds all the
    same, and is made again after each `resume`, until somebody removes the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        kill_switch: KillSwitch,
        history: History,
        utc_now: Callable[[], datetime] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._kill_switch = kill_switch
        self._history = history
        self._utc_now = utc_now
        self._monotonic = monotonic
        self._unrecorded: HistoryEntry | None = None
        self._record_at = monotonic()
        self._problem = ""

    def poll(self) -> None:
        """Look for the file. Nothing waits for a far store, and nothing is raised."""
        self._attempt(self._record)
        self._attempt(self._look)

    def _look(self) -> None:
        try:
            self._path.lstat()  # a link that leads nowhere was made by somebody, too
        except FileNotFoundError:
            return
        if not self._kill_switch.latch.engaged or self._kill_switch.held:
            self._engage()
        if self._kill_switch.latch.engaged and self._kill_switch.kept:
            self._path.unlink(missing_ok=True)

    def _engage(self) -> None:
        """Roll back; of several workers that see the file at once, one does and records it."""
        before, why = self._kill_switch.latch, _reason(self._path)
        latch: Latch | None = None
        try:
            if self._kill_switch.held:  # for want of knowledge, which may end at any moment
                latch = self._kill_switch.engage(who=WHO, why=why, patience_s=0)
            else:
                latch = self._kill_switch.trip(at=before.epoch, who=WHO, why=why, patience_s=0)
        except LatchStoreError:  # this worker follows, and keeps trying to have it stored
            latch = self._kill_switch.latch
            raise
        finally:
            if latch is not None:
                self._unrecorded = self._entry(before, latch)

    def _record(self) -> None:
        """Write the history at a look after the rollback: it may be locked, and nothing waits.

        What could not be written is tried again.
        """
        now = self._monotonic()
        if self._unrecorded is None or now < self._record_at:
            return
        self._record_at = now + AGAIN_S
        self._history.append(self._unrecorded, patience_s=LOCK_S)
        self._unrecorded, self._record_at = None, now

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, LatchStoreError) as error:
            if self._problem != str(error):
                self._problem = str(error)
                _log.error("rollback_file_failed", path=str(self._path), problem=str(error))

    def _entry(self, before: Latch, latch: Latch) -> HistoryEntry:
        words = (f"epoch {each.epoch}" for each in (before, latch))
        return HistoryEntry(self._utc_now(), latch.who, "rollback", latch.why, *words)


def _reason(path: Path) -> str:
    """Return what the file says, or that it is there: what a link leads to is not quoted."""
    try:
        text = read_start(path, most=MOST_READ, follow=False).decode(errors="ignore")
    except OSError:
        text = ""
    return " ".join(text.split()) or f"the file {path.name} was made"
