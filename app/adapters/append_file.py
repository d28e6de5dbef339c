"""A file that several processes add lines to."""

import os
from pathlib import Path


class AppendFile:
    """Adds whole lines to a file, which is opened on first use.

    Each call is one write with O_APPEND, so lines of several workers do not mix.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __call__(self, data: bytes) -> None:
        """Add `data`. Raises OSError."""
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o640)
        written = os.write(self._descriptor, data)
        if written < len(data):
            raise OSError(f"{self._path} took {written} of {len(data)} bytes: is the disk full?")
