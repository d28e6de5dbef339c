"""A file that several processes add lines to."""

import os
from pathlib import Path

from flags.files import Readers, open_written


class AppendFile:
    """Adds whole lines to a file, which is opened on first use.

    Each call is one write with O_APPEND, so lines of several workers do not mix. A file that
    was moved away or deleted is made anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._cut = False

    def __call__(self, data: bytes) -> None:
        """Add `data`. Raises OSError."""
        descriptor = self._open()
        if self._cut:
            data = b"\n" + data  # so that the cut line is the only one that is lost
        written = os.write(descriptor, data)
        if written < len(data):
            self._cut = self._cut or written > 0
            raise OSError(f"{self._path} took {written} of {len(data)} bytes: is the disk full?")
        self._cut = False

    def _open(self) -> int:
        if self._descriptor is not None and not self._is_in_place(self._descriptor):
            os.close(self._descriptor)
            self._descriptor = None
            self._cut = False
        if self._descriptor is None:
            self._descriptor = open_written(
                self._path, os.O_WRONLY | os.O_APPEND, readers=Readers.GROUP
            )
        return self._descriptor

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False
