"""Messages of a caller's own type on the bus, signed: a user's pages may be on another worker.

Unlike a hint such a message says something, so one that is sent again is not acted on: it is
numbered by its sender, and good for half a minute.
"""

from typing import Annotated

import msgspec

from app.notifications.signed import SignedCodec

MOST_BYTES = 64 * 1024
"""Of a text that is passed on."""
MAX_BYTES = 2 * MOST_BYTES + 1024
"""More than the longest message that we make: each character may have to be escaped."""
GOOD_FOR_S = 30.0
"""How far apart the clocks of sender and hearer may be, the way between them included."""
MOST_SENDERS = 1000


class PassedOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text frame for all pages of a user, the `number`th that `sender` passes on.

    `at` is the unix time at which it was put on the bus.
    """

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    number: Annotated[int, msgspec.Meta(ge=1)]
    at: float
    user: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    text: Annotated[str, msgspec.Meta(min_length=1)]


def message_codec(secret: bytes) -> SignedCodec[PassedOn]:
    """Return what signs messages, and reads those that were signed with the same key."""
    return SignedCodec(secret, purpose="messages on the bus", kind=PassedOn, max_bytes=MAX_BYTES)


class Repeats:
    """Knows which messages are new. One thread asks."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def is_new(self, message: PassedOn, now: float) -> bool:
        """Whether the message is recent and follows all that its sender said before."""
        if abs(now - message.at) > GOOD_FOR_S:
            return False
        newest = self._newest.pop(message.sender, 0)  # and back at the end: who spoke last
        self._newest[message.sender] = max(newest, message.number)
        if message.number <= newest:
            return False
        if len(self._newest) > MOST_SENDERS:  # the one that was silent for longest has ended
            del self._newest[next(iter(self._newest))]
        return True
