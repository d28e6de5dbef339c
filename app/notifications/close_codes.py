"""Why a socket is closed, as a browser is told: the codes of RFC 6455 and of the field, and ours.

A page comes back by itself after 1001, 1006, 1011, 1012, 1013 and 3000. After one of ours it would
only be turned away again: it has to sign in, ask for its own balance, or close other tabs first.
Before a socket is opened the answers are those of HTTP: 403 for a foreign Origin, 401 for init
data that does not hold, 503 with Retry-After where the worker is full.
"""

from dataclasses import dataclass
from enum import IntEnum


class CloseCode(IntEnum):
    """The codes that are sent."""

    NORMAL = 1000
    """The page was silent for too long."""
    GOING_AWAY = 1001
    """The other end leaves."""
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
