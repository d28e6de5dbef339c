"""Files that several processes share: read within bounds, replaced whole, one writer at a time.

Whatever reads a file reads it through here: opening never blocks, whatever somebody put at that
path, and no more is read than the caller expects.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from io import FileIO
from pathlib import Path

MOST_BYTES = 16 * 2**20
"""Bytes of a file that is read whole, where the caller names no other bound."""


class Readers(Enum):
    """Who besides the owner may read a new file, as far as the folder's mode lets them."""

    ALL = auto()
    GROUP = auto()
    WRITERS = auto()
    """Of a secret: the group, if it may write in the folder, for then it is trusted as well."""


_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}
_BLOCK = 64 * 1024
_LOCK_POLL_S = 0.002


class UnfitFileError(OSError):
    """A file that is not read, for it is no regular one or too large: the message says which."""

    def __init__(self, path: Path, why: str, *, code: int = errno.EINVAL) -> None:
        super().__init__(code, why, str(path))

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


class LockTimeoutError(TimeoutError):
    """Another process kept a file's lock for too long: the message names the file."""


@contextmanager
def opened(path: Path, *, follow: bool = True) -> Iterator[FileIO]:
    """Open a regular file for reading, unbuffered, without ever waiting for a writer.

    A link is refused unless `follow`: let go of links where strangers may make files, keep them
    where an operator may mount a file from elsewhere. Raises OSError, among them
    `UnfitFileError`; then nothing was opened that opening could change.
    """
    _check_kind(path, path.stat(follow_symlinks=follow).st_mode)
    with FileIO(_open_regular(path, os.O_RDONLY | (0 if follow else os.O_NOFOLLOW))) as file:
        yield file


def read_start(path: Path, *, most: int, follow: bool = True) -> bytes:
    """Return the first `most` bytes of a regular file, or all of a shorter one. Raises OSError."""
    with opened(path, follow=follow) as file:
        return _read(file, most)


def read_whole(path: Path, *, most: int = MOST_BYTES, follow: bool = True) -> bytes:
    """Return a regular file's content. Raises OSError, also for one of more than `most` bytes."""
    with opened(path, follow=follow) as file:
        content = _read(file, most + 1)
    if len(content) > most:
        raise UnfitFileError(
            path, f"is larger than {most} bytes: see what wrote it", code=errno.EFBIG
        )
    return content


def _open_regular(path: Path, flags: int) -> int:
    """Open a regular file without ever waiting, and return its descriptor. Raises OSError."""
    safe = flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, safe, 0o600)
    try:
        _check_kind(path, os.fstat(descriptor).st_mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_kind(path: Path, mode: int) -> None:
    """Raise OSError unless the mode is that of a regular file."""
    if stat.S_ISDIR(mode):
        raise UnfitFileError(path, os.strerror(errno.EISDIR), code=errno.EISDIR)
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise UnfitFileError(path, f"is {kind}, not a regular file: move it away")


def _read(file: FileIO, most: int) -> bytes:
    """Read until `most` bytes are there or the file ends: a call may return fewer."""
    found = file.read(min(most, os.fstat(file.fileno()).st_size + 1))
    while found and len(found) < most and (more := file.read(min(most - len(found), _BLOCK))):
        found += more
    return found


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, each as the one that it lies in. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(0o700)
    except FileExistsError:  # by another process, at this moment
        return
    above = path.parent.stat()
    shared = above.st_mode & stat.S_IWOTH  # as /tmp is: who may write there says nothing
    own = stat.S_IMODE(above.st_mode) & ~stat.S_ISVTX & ~stat.S_IWOTH
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not shared:
            _take_owner(descriptor, above)
        os.fchmod(descriptor, 0o755 if shared else own | 0o700)
    finally:
        os.close(descriptor)


def open_written(path: Path, flags: int, *, readers: Readers = Readers.ALL) -> int:
    """Open a regular file for writing, made if it is not there, and return its descriptor.

    Whoever writes, and whatever the umask, a new file takes the owner and the mode of its folder:
    otherwise one command of root's would keep the service from its own files. Others never may
    write it. A file that root left behind is given back by root. Opening never blocks. Raises
    OSError.
    """
    make_folder(path.parent)
    flags |= os.O_NOFOLLOW
    try:
        descriptor, new = _open_regular(path, flags | os.O_CREAT | os.O_EXCL), True
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        descriptor, new = _open_regular(path, flags), False
    try:
        _fit_into_folder(descriptor, path.parent.stat(), readers, new=new)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _fit_into_folder(
    descriptor: int, folder: os.stat_result, readers: Readers, *, new: bool
) -> None:
    """Give a file that is new, or that root left behind, the owner and the mode of its folder."""
    if not new and (os.geteuid() != 0 or os.fstat(descriptor).st_uid == folder.st_uid):
        return
    _take_owner(descriptor, folder)
    trusted = folder.st_mode & stat.S_IWGRP
    closed = 0 if readers is Readers.WRITERS and not trusted else 0o060
    others = 0o004 if readers is Readers.ALL else 0
    os.fchmod(descriptor, 0o600 | folder.st_mode & (closed | others))


def _take_owner(descriptor: int, folder: os.stat_result) -> None:
    """Give a file the owner of its folder if this process may, else its group if that."""
    uid = folder.st_uid if os.geteuid() == 0 else -1
    with suppress(PermissionError):
        os.fchown(descriptor, uid, folder.st_gid)


def replace_file(path: Path, text: str, *, durable: bool = True) -> float:
    """Replace the file's content at once, so that a reader sees the old or the new text.

    Returns the unix time in seconds of the rename: no reader saw the text earlier. Durable
    means that it also survives a loss of power. The file takes the owner and the mode of its
    folder. Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with os.fdopen(
            open_written(temporary, os.O_WRONLY | os.O_EXCL), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        replaced_at = time.time()
        temporary.replace(path)
    finally:
        with suppress(OSError):  # what went wrong before is what is raised
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
    lock = path.with_name(f"{path.name}.lock")
    with FileIO(open_lock(lock)) as file:
        deadline = time.monotonic() + timeout
        while not _try_lock(file.fileno()):
            if time.monotonic() >= deadline:
                raise LockTimeoutError(
                    f"{lock} is held by another process for more than {timeout} s:"
                    " find it (is it stopped?) and end it"
                )
            time.sleep(_LOCK_POLL_S)
        yield


def open_lock(path: Path) -> int:
    """Open a lock file, made if it is not there, and return its descriptor. Raises OSError.

    To lock it takes no right to write: a file that root made before, or one on a disk that
    became read-only, locks as well.
    """
    try:
        return open_written(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        try:
            return _open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise error from None


def _try_lock(descriptor: int) -> bool:
    """Take the lock if nobody holds it; closing the file lets go of it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
