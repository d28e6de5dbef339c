"""What a user is called in the log: a hash under a key of this installation."""

import hashlib
import secrets
from pathlib import Path

import structlog

from app.adapters.key_file import KEY_BYTES, kept_key

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
            return kept_key(self._key_file)
        except OSError as error:
            _log.error(
                "log_key_unusable",
                problem=str(error),
                until_restart="users have names of their own in the log lines of this process",
            )
            return secrets.token_bytes(KEY_BYTES)
