"""The latch in a file: seen by every process of the host without any server."""

from contextlib import ExitStack
from pathlib import Path

from flags.files import LockTimeoutError, locked, read_whole, replace_file
from flags.latch import Latch, LatchStoreError, Placed, latch_from_text, latch_to_text

LOCK_TIMEOUT_S = 1.0


class FileLatchStore:
    """One latch as a line of JSON, replaced by rename.

    It is read whole at every look: a few microseconds, and no change can hide behind a
    time stamp of the file system.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self._path)

    def read(self) -> Latch | None:
        """Return the latch, None when there is no file. Raises `LatchStoreError`."""
        try:
            return latch_from_text(read_whole(self._path).decode())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise LatchStoreError(
                f"the kill switch's file {self._path} cannot be read: {error}; write it anew"
                " with `flask rollout rollback`, or with `flask rollout resume`"
            ) from error

    def put(self, latch: Latch) -> Placed:
        """Keep `latch` unless the one in the file is as high. Raises `LatchStoreError`."""
        try:
            with ExitStack() as stack:
                self._lock_if_possible(stack)
                present = self._read_if_possible()
                if present is not None and not latch.outranks(present):
                    return Placed(present, self._path.stat().st_mtime)
                return Placed(latch, replace_file(self._path, latch_to_text(latch) + "\n"))
        except OSError as error:
            raise LatchStoreError(
                f"the kill switch's file {self._path} cannot be written: {error}; check the"
                " folder's permissions and free space, and whether its disk is read-only: until"
                " then nothing is kept there, and only ending the service is sure"
            ) from error

    def _lock_if_possible(self, stack: ExitStack) -> None:
        """Keep other writers out, unless one of them hangs.

        A rollback must not wait for a stopped process. Should two writers then cross, the
        higher epoch is in the memory of the processes that saw it, and they put it back.
        """
        try:
            stack.enter_context(locked(self._path, timeout=LOCK_TIMEOUT_S))
        except LockTimeoutError:
            return

    def _read_if_possible(self) -> Latch | None:
        """Return the latch in the file, None when there is none that can be read."""
        try:
            return self.read()
        except LatchStoreError:
            return None
