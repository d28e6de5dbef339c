"""Messages on the bus that nobody can make who has not the key.

The rule: a message is `<hex of HMAC-SHA256(key, body)>.<body>`, the body JSON. The key is derived
from SHIM_SECRET_KEY, which all workers share, and from what the messages are for, so that none
can be taken for one of another kind.
"""

import hashlib
import hmac
from typing import Generic, TypeVar

import msgspec

_MAC_LENGTH = 64

T = TypeVar("T", bound=msgspec.Struct)


class MalformedMessageError(ValueError):
    """A message that is signed, but says nothing that we understand."""


class ForgedMessageError(ValueError):
    """A message that nobody signed who has the key."""


class SignedCodec(Generic[T]):
    """Signs messages of one kind, of at most `max_bytes`, and reads those that were signed."""

    def __init__(self, secret: bytes, *, purpose: bytes, kind: type[T], max_bytes: int) -> None:
        self._key = hmac.digest(secret, purpose, hashlib.sha256)
        self._decoder = msgspec.json.Decoder(kind)
        self._max_bytes = max_bytes

    def encode(self, message: T) -> bytes:
        """Return what goes on the bus."""
        body = msgspec.json.encode(message)
        return self._sign(body) + b"." + body

    def decode(self, data: object) -> T:
        """Return what a message says. Raises ForgedMessageError or MalformedMessageError."""
        if not isinstance(data, bytes) or not _MAC_LENGTH < len(data) <= self._max_bytes:
            raise ForgedMessageError("the message has not the size of a signed one: who sent it?")
        mac, body = data[:_MAC_LENGTH], data[_MAC_LENGTH + 1 :]
        if not hmac.compare_digest(mac, self._sign(body)):
            raise ForgedMessageError("the signature is another key's: give all hosts the same key")
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise MalformedMessageError(
                f"the message is none of ours ({error}): serve all hosts with the same version"
            ) from None

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256).hex().encode()
