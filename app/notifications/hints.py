"""Hints on the bus, signed: who may have a new balance, and never which.

An old hint that is sent again does no harm: it makes a worker look once more at what the
database holds.
"""

from typing import Annotated

import msgspec

from app.notifications.signed import SignedCodec

MOST_USERS = 500
"""Users in one message."""
MAX_BYTES = 16 * 1024
"""More than the longest message that we make."""


class Hints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Users whose balance may have changed, as told by the worker `sender`."""

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    users: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)], ...],
        msgspec.Meta(min_length=1, max_length=MOST_USERS),
    ]


def hint_codec(secret: bytes) -> SignedCodec[Hints]:
    """Return what signs hints, and reads those that were signed with the same key."""
    return SignedCodec(secret, purpose="hints on the bus", kind=Hints, max_bytes=MAX_BYTES)
