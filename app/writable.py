"""What this process cannot read or write in its instance folder: found before it is needed."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.instance_paths import InstancePaths

MARK = "instance folder: "
"""How each problem begins."""
LOOK_S = 1.0


class InstanceCheck:
    """Looks at the instance folder now and then; `problems` are what it found last.

    A problem names a file, not the folder, for strangers may read it.
    """

    def __init__(
        self, paths: InstancePaths, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths = paths
        self._monotonic = monotonic
        self._looked_at: float | None = None
        self.problems: tuple[str, ...] = ()

    def poll(self) -> None:
        """Look anew if the last look is a second old. Never raises."""
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_S:
            self._looked_at = now
            self.problems = tuple(MARK + problem for problem in _problems(self._paths))


def _problems(paths: InstancePaths) -> Iterator[str]:
    folder, history = paths.instance_path, paths.history_file
    for each in (folder, paths.run_path, paths.log_path):
        if _is_there(each) and not _may(each, os.W_OK | os.X_OK):
            name = "it" if each == folder else f"{each.name}/"
            yield f"{name} {_why_not(each)}: {_lost(paths, each)}. {_cure(each)}"
    if _is_there(history) and not _may(history, os.W_OK):
        yield f"{history.name} {_why_not(history)}: what is done is not recorded. {_cure(history)}"
    for file in filter(_is_there, (*_replaced(paths), *_read(paths))):
        if not _may(file, os.R_OK):
            yield f"{file.name} cannot be read by this worker. {_cure(file)}"
    for file in filter(_is_there, _replaced(paths)):
        if _is_held_by_sticky(folder, file):
            yield f"{file.name} cannot be replaced: the folder is sticky, take that away"


def _replaced(paths: InstancePaths) -> tuple[Path, ...]:
    """Return what a worker reads, and replaces."""
    return (paths.latch_file, paths.flag_file, paths.kept_flag_file, paths.targets_file)


def _read(paths: InstancePaths) -> tuple[Path, ...]:
    """Return what a worker opens besides: keys, and locks, which need no right to write."""
    locked = (*_replaced(paths), paths.history_file)
    beside = tuple(each.with_name(f"{each.name}.lock") for each in locked)
    keys = (paths.secret_file, paths.key_file)
    return (*beside, paths.guard_lock, paths.scheduler_lock, *keys)


def _lost(paths: InstancePaths, folder: Path) -> str:
    """Return what does not work while a folder cannot be written."""
    if folder == paths.run_path:
        return "no order sees that this worker follows"
    if folder == paths.log_path:
        return "what is found is not logged"
    return (
        "a rollback that this worker makes itself is lost when it ends, and one by the file"
        " `rollback` cannot be taken away"
    )


def _why_not(path: Path) -> str:
    return "is on a read-only disk" if _is_read_only(path) else "cannot be written by this worker"


def _cure(path: Path) -> str:
    if _is_read_only(path):
        return "Mount it so that it can be written"
    return "Give it to the owner of the service with chown, and let that one write"


def _is_read_only(path: Path) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the folder may not be looked into, which is said of the folder
        return False


def _may(path: Path, mode: int) -> bool:
    try:
        return os.access(path, mode, effective_ids=True)
    except OSError:
        return False


def _is_held_by_sticky(folder: Path, file: Path) -> bool:
    """Tell whether only the owner of a file, or of the folder, may replace it."""
    try:
        above, there = folder.stat(), file.stat(follow_symlinks=False)
    except OSError:
        return False
    may = os.geteuid() in (0, above.st_uid, there.st_uid)
    return bool(above.st_mode & stat.S_ISVTX) and not may
