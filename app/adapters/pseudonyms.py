"""What a user is called in the log: a hash under a key of this installation."""

import hashlib
import os
import secrets
from pathlib import Path


class Pseudonyms:
    """Names users: the same user has the same name, and nobody without the key can tell whose.

    The key is made on first use and stays in its file, so that names hold over restarts and
    over all workers of the host.
    """

    def __init__(self, key_file: Path, *, plain: bool) -> None:
        self._key_file = key_file
        self._plain = plain
        self._key: bytes | None = None

    def __call__(self, user_id: int) -> str | int:
        """Return the user's name in the log. Raises OSError if the key cannot be had."""
        if self._plain:
            return user_id
        if self._key is None:
            self._key = _key(self._key_file)
        return hashlib.blake2b(str(user_id).encode(), key=self._key, digest_size=8).hexdigest()


def _key(path: Path) -> bytes:
    """Return the key in the file, which is made by whoever comes first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}")
    own.write_bytes(secrets.token_bytes(32))
    own.chmod(0o600)
    try:
        # A link is made whole or not at all, and never over another worker's key.
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink()
    return path.read_bytes()
