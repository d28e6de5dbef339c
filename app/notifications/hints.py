"""What is on the bus: hints, signed.

The rule: a message is `<hex of HMAC-SHA256(key, body)>.<body>`, the body JSON with the sender
and at most 500 users. The key is derived from SHIM_SECRET_KEY, which all workers share. Who has
no key can make no worker read its database. An old message that is sent again does no harm: a
hint holds no balance, it makes a worker look once more at what the database holds.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Annotated

import msgspec

MOST_USERS = 500
"""Users in one message."""
MAX_BYTES = 16 * 1024
"""More than the longest message that we make."""
_MAC_LENGTH = 64


class MalformedHintsError(ValueError):
    """A message that is signed, but says nothing that we understand."""


class ForgedHintsError(ValueError):
    """A message that nobody signed who has the key."""


class Hints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Users whose balance may have changed, as told by the worker `sender`."""

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    users: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)], ...],
        msgspec.Meta(min_length=1, max_length=MOST_USERS),
    ]


class HintCodec:
    """Signs hints, and reads those that were signed with the same key."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"hints on the bus", hashlib.sha256)
        self._decoder = msgspec.json.Decoder(Hints)

    def encode(self, sender: str, users: Sequence[int]) -> bytes:
        """Return the message for 1 to 500 users."""
        body = msgspec.json.encode(Hints(sender, tuple(users)))
        return self._sign(body) + b"." + body

    def decode(self, message: object) -> Hints:
        """Return what a message says. Raises ForgedHintsError or MalformedHintsError."""
        if not isinstance(message, bytes) or not _MAC_LENGTH < len(message) <= MAX_BYTES:
            raise ForgedHintsError("the message has not the size of a signed one: who sent it?")
        mac, body = message[:_MAC_LENGTH], message[_MAC_LENGTH + 1 :]
        if not hmac.compare_digest(mac, self._sign(body)):
            raise ForgedHintsError("the signature is another key's: give all hosts the same key")
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise MalformedHintsError(
                f"the message is none of ours ({error}): serve all hosts with the same version"
            ) from None

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256).hex().encode()
