"""Bytes on a server that others may reach: signed, so that only who has the key can make them.

The rule: `<hex of HMAC-SHA256(key, body)>.<body>`. The key is derived from SHIM_SECRET_KEY, which
all hosts share, and from what the bytes are for, so that none can be taken for those of another
kind.
"""

import hashlib
import hmac

MAC_LENGTH = 64


class BrokenSealError(ValueError):
    """Bytes that nobody signed who has the key: the message says so."""


class Seal:
    """Signs bytes for one purpose, and opens what was signed for it."""

    def __init__(self, secret: bytes, *, purpose: str) -> None:
        self._key = hmac.digest(secret, purpose.encode(), hashlib.sha256)

    def close(self, body: bytes) -> bytes:
        """Return the body with its signature."""
        return self._sign(body) + b"." + body

    def open(self, sealed: bytes) -> bytes:
        """Return the body. Raises BrokenSealError."""
        mac, body = sealed[:MAC_LENGTH], sealed[MAC_LENGTH + 1 :]
        if not hmac.compare_digest(mac, self._sign(body)):
            raise BrokenSealError(
                "the signature is another key's, or there is none: give all hosts and commands the"
                " same SHIM_SECRET_KEY, and let nobody else write there"
            )
        return body

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256).hex().encode()
