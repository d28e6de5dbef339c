"""Messages on the bus that nobody can make who has not the key: JSON under a `Seal`."""

from typing import Generic, TypeVar

import msgspec

from app.notifications.seal import MAC_LENGTH, BrokenSealError, Seal

T = TypeVar("T", bound=msgspec.Struct)


class MalformedMessageError(ValueError):
    """A message that is signed, but says nothing that we understand."""


class ForgedMessageError(ValueError):
    """A message that nobody signed who has the key."""


class SignedCodec(Generic[T]):
    """Signs messages of one kind, of at most `max_bytes`, and reads those that were signed."""

    def __init__(self, secret: bytes, *, purpose: str, kind: type[T], max_bytes: int) -> None:
        self._seal = Seal(secret, purpose=purpose)
        self._decoder = msgspec.json.Decoder(kind)
        self._max_bytes = max_bytes

    def encode(self, message: T) -> bytes:
        """Return what goes on the bus."""
        return self._seal.close(msgspec.json.encode(message))

    def decode(self, data: object) -> T:
        """Return what a message says. Raises ForgedMessageError or MalformedMessageError."""
        if not isinstance(data, bytes) or not MAC_LENGTH < len(data) <= self._max_bytes:
            raise ForgedMessageError("the message has not the size of a signed one: who sent it?")
        try:
            return self._decoder.decode(self._seal.open(data))
        except BrokenSealError as error:
            raise ForgedMessageError(str(error)) from None
        except msgspec.MsgspecError as error:
            raise MalformedMessageError(
                f"the message is none of ours ({error}): serve all hosts with the same version"
            ) from None
