"""The frames that a server sends: unmasked, unfragmented, uncompressed."""

import struct

from app.notifications.messages import BalanceFrame, balance_update

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_MOST_IN_CONTROL = 125
_short = struct.Struct("!BB").pack
_medium = struct.Struct("!BBH").pack
_long = struct.Struct("!BBQ").pack

PING = _short(_PING, 0)


def text_frame(text: str) -> bytes:
    """Return a text as one frame; what UTF-8 cannot say (a lone surrogate) is replaced."""
    payload = text.encode("utf-8", "replace")
    size = len(payload)
    if size < 126:
        return _short(_TEXT, size) + payload
    if size < 0x10000:
        return _medium(_TEXT, 126, size) + payload
    return _long(_TEXT, 127, size) + payload


def pong_frame(payload: bytes) -> bytes:
    """Return the answer to a ping of at most 125 bytes, as a parsed ping is."""
    return _short(_PONG, len(payload)) + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return a close; a reason that is too long is cut, between characters."""
    said = reason.encode("utf-8", "replace")[: _MOST_IN_CONTROL - 2]
    payload = struct.pack("!H", code) + said.decode("utf-8", "ignore").encode()
    return _short(_CLOSE, len(payload)) + payload


class Frames:
    """Builds the frames that leave, once for a message that leaves on many connections.

    It remembers the newest message: whoever sends to many hands the same object to each,
    one after the other.
    """

    def __init__(self) -> None:
        self._message: str | BalanceFrame | None = None
        self._frame = b""

    def build(self, message: str | bytes | BalanceFrame) -> bytes:
        """Return the frame of a message; bytes are a frame already."""
        if message is self._message:
            return self._frame
        if type(message) is bytes:
            return message
        self._frame = frame = text_frame(
            message if type(message) is str else balance_update(message)
        )
        self._message = message
        return frame
