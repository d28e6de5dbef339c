"""Why a socket is closed, as a browser is told: the codes of RFC 6455 and of the field, and ours.

Production's page comes back after 5 s whatever the code is, but a part of it never does after 1000
or 1001, so neither is sent by us but as the answer to a page's own. After one of ours (from 4000
on) a page would only be turned away again: it has to sign in, to ask for its own balance, or to
close other tabs first. A page that was silent for too long is ended without a close, as production
does it: it sees 1006.
Before a socket is opened the answers are those of HTTP: 403 for a foreign Origin, 401 for init
data that does not hold, 503 with Retry-After where the worker is full.
"""

from dataclasses import dataclass
from enum import IntEnum


class CloseCode(IntEnum):
    """The codes that are sent."""

    POLICY = 1008
    """The page sends more messages than it may."""
    TOO_BIG = 1009
    """A message is larger than SHIM_MAX_MESSAGE_BYTES."""
    FAILED = 1011
    """The server failed: come back."""
    RESTART = 1012
    """The server restarts: come back."""
    TRY_LATER = 1013
    """The page reads too slowly: come back later."""
    PROOF_ENDED = 3000
    """What the page proved itself with is over: come back with a new proof. Registered for just
    this, as 'Unauthorized', and below ours: a page comes back after it by itself."""
    NOT_SIGNED_IN = 4401
    """Nobody knows who asks: sign in, with init data or by opening the page anew."""
    NOT_YOURS = 4403
    """The balance that was asked for is somebody else's."""
    TOO_MANY = 4429
    """The user has SHIM_MAX_USER_CONNECTIONS sockets open: close a tab."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What a page asked for is refused: its socket is closed with this code and reason."""

    code: CloseCode
    reason: str
