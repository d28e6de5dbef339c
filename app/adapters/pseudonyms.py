"""What a user is called in the log: a hash under a key of this installation."""

import hashlib
import os
import secrets
from pathlib import Path

import structlog

KEY_BYTES = 32

_log = structlog.get_logger(__name__)


class Pseudonyms:
    """Names users: the same user has the same name, and nobody without the key can tell whose.

    The key is made on first use and stays in its file, so that names hold over restarts and
    over all workers of the host. Where the file cannot be used, that is logged once, and a
    key of this process takes its place: the log goes on, and stays anonymous.
    """

    def __init__(self, key_file: Path, *, plain: bool) -> None:
        self._key_file = key_file
        self._plain = plain
        self._key: bytes | None = None

    def __call__(self, user_id: int) -> str | int:
        """Return the user's name in the log."""
        if self._plain:
            return user_id
        if self._key is None:
            self._key = self._find_key()
        return hashlib.blake2b(str(user_id).encode(), key=self._key, digest_size=8).hexdigest()

    def _find_key(self) -> bytes:
        try:
            return _kept_key(self._key_file)
        except OSError as error:
            _log.error(
                "log_key_unusable",
                problem=str(error),
                until_restart="users have names of their own in the log lines of this process",
            )
            return secrets.token_bytes(KEY_BYTES)


def _kept_key(path: Path) -> bytes:
    """Return the key in the file, which is made by whoever comes first. Raises OSError."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        _make_key(path)
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(
            f"{path} holds {len(key)} bytes instead of {KEY_BYTES}: put the key back from a"
            " backup, or delete the file; users then have new names in the log"
        )
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
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
