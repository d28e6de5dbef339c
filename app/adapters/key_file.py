"""A key of this installation: made on first use, the same over restarts and over all workers."""

import os
import secrets
from pathlib import Path

from flags.files import Readers, open_written, read_whole

KEY_BYTES = 32


def kept_key(path: Path) -> bytes:
    """Return the key in the file, which is made by whoever comes first. Raises OSError."""
    try:
        key = read_whole(path)
    except FileNotFoundError:
        _make_key(path)
        key = read_whole(path)
    if len(key) != KEY_BYTES:
        raise OSError(
            f"{path} holds {len(key)} bytes instead of {KEY_BYTES}: put the key back from a"
            " backup, or delete the file to have a new one made"
        )
    return key


def why_no_key(path: Path) -> str | None:
    """Return why there is no key and none can be kept, None if there is one, made if need be.

    A file that is there and is no key is another matter: that is raised to whoever reads it.
    """
    try:
        kept_key(path)
    except OSError as error:
        return None if path.exists() else f"{path} cannot be made ({error.strerror})"
    return None


def _make_key(path: Path) -> None:
    own = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = open_written(own, os.O_WRONLY | os.O_EXCL, readers=Readers.WRITERS)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link is made whole or not at all, and never over another worker's key.
        os.link(own, path)
    except FileExistsError:
        return
    finally:
        own.unlink()
