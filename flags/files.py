"""Files that several processes write: replaced whole, made durable, one writer at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK_POLL_S = 0.002


class LockTimeoutError(TimeoutError):
    """Another process kept a file's lock for too long: the message names the file."""


def replace_file(path: Path, text: str, *, durable: bool = True) -> float:
    """Replace the file's content at once, so that a reader sees the old or the new text.

    Returns the unix time in seconds of the rename: no reader saw the text earlier. Durable
    means that it also survives a loss of power. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        replaced_at = time.time()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)
    return replaced_at


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, timeout: float = 5.0) -> Iterator[None]:
    """Hold the lock that belongs to `path`, across processes and threads.

    The lock is on a file beside it, because `path` itself is replaced. It goes with the
    process that holds it. Raises OSError when the lock file cannot be made, among them
    `LockTimeoutError` after `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    with lock.open("a") as file:
        deadline = time.monotonic() + timeout
        while not _try_lock(file.fileno()):
            if time.monotonic() >= deadline:
                raise LockTimeoutError(
                    f"{lock} is held by another process for more than {timeout} s:"
                    " find it (is it stopped?) and end it"
                )
            time.sleep(_LOCK_POLL_S)
        yield


def _try_lock(descriptor: int) -> bool:
    """Take the lock if nobody holds it; closing the file lets go of it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
