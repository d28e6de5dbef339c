"""Log files as they lie on a disk: plain, or packed by whatever rotates them.

What a file is packed with is told by its first bytes, not by its name.
"""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from flags.files import UnfitFileError, opened, read_start

MOST_TIMES = 250
"""How many times its size a packed log may unpack to; JSON lines take some 10 to 60 times it."""
FREE_BYTES = 64 * 2**20
"""Bytes that are unpacked in any case."""


class Packing(StrEnum):
    """What a log is packed with."""

    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"


_BEGIN = {
    b"\x1f\x8b": Packing.GZIP,
    b"BZh": Packing.BZIP2,
    b"\xfd7zXZ\0": Packing.XZ,
    b"\x28\xb5\x2f\xfd": Packing.ZSTD,
}


class DamagedLogError(Exception):
    """A packed log that ends too soon, is damaged or unpacks to too much: says which."""


def packing_of(path: Path) -> Packing | None:
    """Return what a file is packed with, None for a plain one. Raises OSError."""
    begin = read_start(path, most=6)
    return next((kind for mark, kind in _BEGIN.items() if begin.startswith(mark)), None)


def plain(path: Path) -> Path:
    """Return the path of a log that is not packed. Raises UnfitFileError for another one."""
    packing = packing_of(path)
    if packing is not None:
        raise UnfitFileError(
            path, f"it is packed with {packing}: unpack it, or see `flask shadow report`"
        )
    return path


def blocks_of(path: Path, packing: Packing, *, size: int) -> Iterator[bytes]:
    """Yield the content of a packed log in blocks of up to so many bytes.

    Raises OSError, UnfitFileError for one that cannot be unpacked here, and DamagedLogError after
    what could be read.
    """
    if packing is Packing.ZSTD:
        raise UnfitFileError(path, "it is packed with zstd: unpack it first, with `zstd -d`")
    with opened(path) as file:
        most, unpacked = max(FREE_BYTES, MOST_TIMES * file.seek(0, 2)), 0
        file.seek(0)
        with _unpacking(file, packing) as stream:
            while data := _read(stream, size):
                unpacked += len(data)
                yield data
                if unpacked > most:
                    raise DamagedLogError(f"is read up to {unpacked:,} bytes: it unpacks to more")


@contextmanager
def _unpacking(file: FileIO, packing: Packing) -> Iterator[BinaryIO]:
    opens: Mapping[Packing, Callable[[FileIO, str], object]] = {
        Packing.GZIP: gzip.open,
        Packing.BZIP2: bz2.open,
        Packing.XZ: lzma.open,
    }
    with cast(BinaryIO, opens[packing](file, "rb")) as stream:
        yield stream


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise DamagedLogError(f"is cut off or damaged: {error}") from error
    except OSError as error:
        if error.errno is None:  # what the modules that unpack say of bad data
            raise DamagedLogError(f"is cut off or damaged: {error}") from error
        raise
