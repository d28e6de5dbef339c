"""A lease on one task among the processes of a host: a lock on a file."""

import fcntl
import math
import os
from pathlib import Path

from flags.files import open_lock


class FileLease:
    """Held by at most one process of the host, and let go of by the kernel when that one ends.

    Whatever way it ends: no file is left behind that says otherwise. Not shared over hosts.
    """

    lasts_s = math.inf

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lease."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lease if nobody holds it; True if it is held now. Raises OSError."""
        if self._descriptor is not None:
            return True
        descriptor = open_lock(self._path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of the lease; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
