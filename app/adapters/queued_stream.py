"""Standard output and standard error for a service: nobody who writes there ever waits.

A terminal in which somebody pressed Ctrl+S, a log reader that pauses, a closed pipe and a full
disk stop whoever writes, or raise at him. Behind these streams a thread writes; what it cannot
write in time is dropped and counted.
"""

import atexit
import io
import json
import os
import sys
import time

from app.adapters.detached import LIMIT, Detached
from app.terminal import clean

STUCK_S = 5.0
"""Seconds for which the reader takes nothing until that is a problem."""


class QueuedStream(io.TextIOBase):
    """A text stream over a descriptor. Writing never blocks, and never raises."""

    def __init__(self, descriptor: int, *, name: str, limit: int = LIMIT) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._name = name
        self._detached = Detached(self._write, limit=limit, name=name)
        self._told = 0
        self._writing_since = 0.0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of what is written."""
        return "utf-8"

    @property
    def dropped(self) -> int:
        """Lines that nobody will read."""
        return self._detached.dropped

    @property
    def problem(self) -> str | None:
        """Why lines are lost, or will be, None if they are not."""
        since, error = self._writing_since, self._detached.error
        lost = f"; lines lost so far: {self.dropped}"
        if error is not None:
            return f"{self._name} cannot be written ({error}): see where it leads{lost}"
        if since and time.monotonic() - since > STUCK_S:
            return f"whoever reads {self._name} reads no more: let it go on{lost}"
        return None

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Queue the text, as a terminal may see it."""
        data = clean(text).encode("utf-8", "backslashreplace")
        try:
            self._detached(data)
        except Exception:  # noqa: BLE001 - whoever logs has other things to do; it is counted
            return len(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: it is written as soon as it can be."""

    def begin(self) -> None:
        """Begin anew after a fork: what was queued is written on the other side."""
        self._detached.begin()
        self._writing_since = 0.0

    def finish(self, *, timeout: float = 1.0) -> None:
        """Wait until all is written, for some time."""
        self._detached.close(timeout)

    def _write(self, data: bytes) -> None:
        """Write to the end, on the thread; first what was dropped since this was said last."""
        lost = self._detached.dropped
        if lost != self._told:
            told = {"event": "log_lines_dropped", "level": "error", "so_far": lost}
            data = json.dumps(told).encode() + b"\n" + data
        self._writing_since = time.monotonic()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            self._told = lost
        finally:
            self._writing_since = 0.0


def queue_standard_streams() -> None:
    """Put such streams in the place of this process's own, unless they are there already.

    Its children have them as well.
    """
    if isinstance(sys.stderr, QueuedStream):
        return
    for attribute, name in (("stdout", "standard output"), ("stderr", "standard error")):
        stream = getattr(sys, attribute)
        stream.flush()
        queued = QueuedStream(stream.fileno(), name=name)
        os.register_at_fork(after_in_child=queued.begin)
        atexit.register(queued.finish)
        setattr(sys, attribute, queued)


def lost_lines() -> tuple[str, ...]:
    """Return what is wrong with the streams of this process."""
    streams = (each for each in (sys.stdout, sys.stderr) if isinstance(each, QueuedStream))
    return tuple(each.problem for each in streams if each.problem is not None)
