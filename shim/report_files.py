"""Reads log files in parts, on two processes where that pays."""

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from io import RawIOBase
from pathlib import Path

from flags.files import opened
from shim.log_files import DamagedLogError, Packing, blocks_of, packing_of
from shim.log_lines import FIRST_MIGRATION
from shim.report_scan import Scan

BLOCK = 128 * 1024
"""Bytes that are read and decoded at once."""
LONGEST_LINE = 8 * 2**20
"""Bytes after which a line that does not end is damage, not held in memory."""
PART = 16 * 2**20
"""Bytes that one process reads before it hands over what it found."""
PROCESSES = 2

Part = tuple[Path, int, int]
Progress = Callable[[int], object]


def scan_files(
    paths: Iterable[Path],
    *,
    migration: str = FIRST_MIGRATION,
    since: datetime | None = None,
    progress: Progress = lambda _: None,
) -> Scan:
    """Read whole files. `progress` is told the bytes of each part. Raises OSError."""
    parts = [part for path in paths for part in parts_of(path)]
    scan = Scan(migration, since)
    bad: dict[Path, bool] = {}
    for (path, *_), (found, size) in zip(parts, _scans(parts, migration, since), strict=True):
        bad[path] = bad.get(path, True) and 0 < found.lines == found.damaged
        scan.merge(found)
        progress(size)
    unread = [path for path, is_bad in bad.items() if is_bad]
    scan.notes += [f"{path} holds no line of a shadow log" for path in unread]
    return scan


def parts_of(path: Path) -> Iterator[Part]:
    """Yield a file in parts; a line belongs to the part in which it begins. Raises OSError.

    One that is packed is a single part: it cannot be entered in the middle.
    """
    with opened(path) as file:
        size = file.seek(0, 2)
    if packing_of(path) is not None:
        yield path, 0, size
        return
    for start in range(0, size, PART):
        yield path, start, min(start + PART, size)


def scan_part(part: Part, migration: str = FIRST_MIGRATION, since: datetime | None = None) -> Scan:
    """Read the lines that begin in one part of a file. Raises OSError."""
    path, start, end = part
    scan = Scan(migration, since)
    packing = packing_of(path)
    if packing is not None:
        _scan_packed(scan, path, packing)
        return scan
    with opened(path) as file:
        at = _line_start(file, start)
        file.seek(at)
        rest = b""
        while at < end and (data := file.read(min(BLOCK, end - at))):
            at += len(data)
            rest = _add_whole_lines(scan, rest, data)
        if rest:
            scan.add(rest + _to_line_end(file))
    return scan


def _scan_packed(scan: Scan, path: Path, packing: Packing) -> None:
    """Add what a packed log holds, and note why it is not all."""
    rest = b""
    try:
        for data in blocks_of(path, packing, size=BLOCK):
            rest = _add_whole_lines(scan, rest, data)
    except DamagedLogError as error:
        scan.notes.append(f"{path} {error}")
    if rest:
        scan.add(rest)


def _add_whole_lines(scan: Scan, rest: bytes, data: bytes) -> bytes:
    """Add the lines that end in a block; return what of the next one is read, within bounds."""
    whole, found, begun = data.rpartition(b"\n")
    if found:
        scan.add(rest + whole + found)
        return begun
    return rest + data if len(rest) < LONGEST_LINE else rest


def _scans(parts: list[Part], migration: str, since: datetime | None) -> Iterator[tuple[Scan, int]]:
    """Yield each part's scan with its bytes, in order.

    A process with threads is not forked: a lock that one of them holds would never be let go.
    """
    if len(parts) > 1 and threading.active_count() == 1:
        scan_one = partial(scan_part, migration=migration, since=since)
        with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
            for part, scan in zip(parts, pool.imap(scan_one, parts), strict=True):
                yield scan, part[2] - part[1]
    else:
        for part in parts:
            yield scan_part(part, migration, since), part[2] - part[1]


def _line_start(file: RawIOBase, start: int) -> int:
    """Return where the first line begins at `start` or after it."""
    if start == 0:
        return 0
    file.seek(start - 1)
    while data := file.read(BLOCK):
        found = data.find(b"\n")
        if found >= 0:
            return file.tell() - len(data) + found + 1
    return file.tell()


def _to_line_end(file: RawIOBase) -> bytes:
    """Return what belongs to the line that the file stands in, within bounds."""
    held = b""
    while data := file.read(BLOCK):
        line, found, _ = data.partition(b"\n")
        if len(held) < LONGEST_LINE:
            held += line
        if found:
            break
    return held + b"\n"
