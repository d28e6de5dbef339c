"""Texts on a server that others may reach: signed, so that only who has the key can make one."""

import hashlib
import hmac

_MAC_LENGTH = 64


class BrokenSealError(ValueError):
    """A text that nobody signed who has the key: the message says so."""


class Seal:
    """Signs texts for one purpose with a key that is derived from `secret`.

    The rule: `<hex of HMAC-SHA256(key, text)>.<text>`, as on the bus.
    """

    def __init__(self, secret: bytes, *, purpose: str) -> None:
        self._key = hmac.digest(secret, purpose.encode(), hashlib.sha256)

    def close(self, text: str) -> bytes:
        """Return the text with its signature."""
        body = text.encode()
        return self._sign(body) + b"." + body

    def open(self, sealed: bytes) -> str:
        """Return the text. Raises BrokenSealError."""
        mac, body = sealed[:_MAC_LENGTH], sealed[_MAC_LENGTH + 1 :]
        if not hmac.compare_digest(mac, self._sign(body)):
            raise BrokenSealError(
                "the signature is another key's: give all hosts the same SHIM_SECRET_KEY, and"
                " let nobody else reach this Redis"
            )
        return body.decode(errors="replace")

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256).hex().encode()
