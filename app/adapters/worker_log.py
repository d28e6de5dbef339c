"""The shadow log's files: one per worker, rotated by size, removed by age and by their sum."""

import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.adapters.append_file import AppendFile

PACKED = ("gz", "bz2", "xz", "zst")
"""How the names of packed files end."""
_NAME = re.compile(rf"shadow-.*\.jsonl([.-][0-9]+)*(\.({'|'.join(PACKED)}))?")
"""A file of the log, as a worker names it or as whatever rotates and packs it does."""
MEGABYTE = 2**20
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """`file_bytes` is where a file is closed; all files together stay within the other two."""

    file_bytes: int = 64 * MEGABYTE
    total_bytes: int = 1024 * MEGABYTE
    days: int = 14


class WorkerLog:
    """Adds lines to the file of the process that calls it; opened on first use, so after a fork.

    A file that has reached its size is closed and goes on under a number, so lines are never
    split over two files. What is too old, or too much, is removed oldest first, whichever worker
    wrote it, whenever a file is opened or closed.
    """

    def __init__(
        self,
        folder: Path,
        retention: Retention,
        *,
        host: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._host = host or socket.gethostname()
        self._retention = retention
        self._now = now
        self._path: Path | None = None
        self._append: AppendFile | None = None

    def __call__(self, data: bytes) -> None:
        """Add `data`. Raises OSError: lines are lost, or the file is larger than it should be."""
        if self._append is None or self._path is None:
            self._path = self._folder / file_name(self._host, os.getpid())
            self._append = AppendFile(self._path)
            self._clean(self._path)
        self._append(data)
        if self._path.stat().st_size >= self._retention.file_bytes:
            self._path.rename(_closed_name(self._path))
            self._clean(self._path)

    def _clean(self, own: Path) -> None:
        """Remove what is not kept; a file that another worker has just removed is no matter."""
        total, oldest = 0, self._now() - self._retention.days * DAY
        for path, size, changed in log_files(self._folder)[::-1]:
            total += size
            if path != own and (changed < oldest or total > self._retention.total_bytes):
                path.unlink(missing_ok=True)


def log_files(folder: Path) -> list[tuple[Path, int, float]]:
    """Return path, bytes and time of change of each log file of a folder, oldest first.

    One that is being packed lies there twice: it is counted once.
    """
    found = []
    names = [path for path in folder.glob("shadow-*") if _NAME.fullmatch(path.name)]
    for path in names:
        if path.suffix.removeprefix(".") in PACKED and path.with_suffix("") in names:
            continue
        try:
            state = path.stat()
        except FileNotFoundError:
            continue  # removed since it was listed
        found.append((path, state.st_size, state.st_mtime))
    return sorted(found, key=lambda each: (each[2], each[0].name))


def file_name(host: str, pid: int) -> str:
    """Return the name of a worker's file; hosts may share a folder, so they are in it."""
    return f"shadow-{re.sub('[^A-Za-z0-9-]', '_', host)}-{pid}.jsonl"


def _closed_name(path: Path) -> Path:
    """Return the next free numbered name beside `path`."""
    numbers = [
        int(match[1])
        for other in path.parent.glob(f"{path.stem}.*.jsonl*")
        if (match := re.search(r"\.(\d+)\.jsonl", other.name))
    ]
    return path.with_name(f"{path.stem}.{max(numbers, default=0) + 1:06}.jsonl")
