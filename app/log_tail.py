"""The end of shadow logs, as it is and as it grows."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from flags.files import opened

LONGEST = 64 * 1024
"""Bytes of a line that are looked at for its time, and taken for the mean of a line's length."""
MOST_READ = 64 * 2**20
"""Bytes of a file that are held at once."""


def last_lines(
    paths: Iterable[Path], count: int, *, ends: Mapping[Path, int] | None = None
) -> list[bytes]:
    """Return the last lines of all files together, by their time. Raises OSError.

    `ends` says where a file is taken to end; else it is where it ends now.
    """
    known = ends or {}
    found = [line for path in paths for line in _end_of(path, count, known.get(path))]
    return sorted(found, key=_moment)[-count:] if count else []


class Follower:
    """Tells what is added to the files that a folder or a list has, one that comes later included.

    A file is known by its inode: one that is closed under another name goes on as itself.
    """

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._read: dict[tuple[int, int], int] = {}
        self._begun: dict[tuple[int, int], bytes] = {}
        self.ends: dict[Path, int] = {}
        """Where the last whole line of each file ended at first."""
        for path in paths():
            size, key = path.stat().st_size, _key(path)
            self._read[key] = size
            self._begun[key] = _begun_line(path, size)
            self.ends[path] = size - len(self._begun[key])

    def poll(self) -> list[bytes]:
        """Return the whole lines that were added since the last look, by their time."""
        lines: list[bytes] = []
        for path in self._paths():
            try:
                key = _key(path)
                with opened(path) as file:
                    file.seek(self._read.get(key, 0))
                    added = file.read(MOST_READ)
            except FileNotFoundError:
                continue  # closed or removed since it was listed
            self._read[key] = self._read.get(key, 0) + len(added)
            whole, found, begun = (self._begun.get(key, b"") + added).rpartition(b"\n")
            self._begun[key] = begun
            if found:
                lines += whole.split(b"\n")
        return sorted(lines, key=_moment)


def _key(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_dev, state.st_ino


def _begun_line(path: Path, size: int) -> bytes:
    """Return what stands after the last line feed."""
    with opened(path) as file:
        file.seek(max(size - LONGEST, 0))
        return file.read(min(size, LONGEST)).rpartition(b"\n")[2]


def _end_of(path: Path, count: int, end: int | None) -> list[bytes]:
    """Return the last lines of one file, and one that was cut if nothing follows it."""
    with opened(path) as file:
        size = file.seek(0, 2) if end is None else end
        held, wanted = b"", LONGEST
        while len(held) < size and wanted <= MOST_READ and held.count(b"\n") <= count:
            begin = max(size - wanted, 0)
            file.seek(begin)
            held = file.read(size - begin)
            wanted *= 2
    lines = held.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(held) < size:
        del lines[:1]  # its beginning was not read
    return lines[-count:] if count else []


def _moment(line: bytes) -> str:
    """Return a line's time; one without stands before all others."""
    try:
        at = json.loads(line[:LONGEST]).get("at", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return at if isinstance(at, str) else ""
