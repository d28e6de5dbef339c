"""What a browser says, parsed by wsproto: whole messages, pings, and the end."""

from collections.abc import Iterator
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason

_SHORT_FRAMES = (0x81, 0x89, 0x8A)
"""First bytes of a text, a ping, a pong that is whole."""
_MASKED = 0x80
_MASK_BYTES = 4
_MOST_IN_SHORT = 125


@dataclass(frozen=True, slots=True)
class Said:
    """A whole message."""

    data: str | bytes


@dataclass(frozen=True, slots=True)
class Pinged:
    """A ping, whose payload the pong must carry."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Noise:
    """A frame that says nothing yet, and costs as much as any: a pong, or a part of a message."""


@dataclass(frozen=True, slots=True)
class Left:
    """The browser closed."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that no browser may say: the socket must be closed with this code."""

    code: int
    reason: str


Heard = Said | Pinged | Noise | Left | Broken


class Parsers:
    """The parser that all sockets of one thread share for short frames that arrive whole.

    Nearly all that browsers say is that. A parser of wsproto has some 3 KB and is between
    two frames then, so only a socket that says something else is given one of its own.
    """

    def __init__(self) -> None:
        self.shared = _new_parser()

    def renew(self) -> None:
        """Replace the parser, which met a frame that it does not go on after."""
        self.shared = _new_parser()


class Inbound:
    """The inbound half of one socket. After `Left` or `Broken` nothing more may be fed."""

    __slots__ = ("_limit", "_parser", "_parsers", "_parts", "_size")

    def __init__(self, parsers: Parsers, *, limit: int) -> None:
        self._parsers = parsers
        self._parser: Connection | None = None
        self._limit = limit
        self._parts: list[str | bytes] | None = None
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Heard]:
        """Return what was said with these bytes, in order; at most `limit` bytes a message."""
        while self._parser is None and data:
            size = _short_frame(data)
            if size == 0:
                self._parser = _new_parser()
                break
            yield from self._parse(self._parsers.shared, data[:size])
            data = data[size:]
        if self._parser is not None:
            yield from self._parse(self._parser, data)

    def _parse(self, parser: Connection, data: bytes) -> Iterator[Heard]:
        parser.receive_data(data)
        for event in parser.events():
            heard = self._heard(event, parser)
            if heard is not None:
                yield heard
            if isinstance(heard, Left | Broken):
                if parser is self._parsers.shared:
                    self._parsers.renew()
                return

    def _heard(self, event: Event, parser: Connection) -> Heard | None:
        if isinstance(event, TextMessage | BytesMessage):
            return self._collect(event)
        if isinstance(event, Ping):
            return Pinged(bytes(event.payload))
        if isinstance(event, Pong):
            return Noise()
        if isinstance(event, CloseConnection):
            if parser.state is not ConnectionState.REMOTE_CLOSING:
                return Broken(int(event.code), event.reason or "")
            none = event.code == CloseReason.NO_STATUS_RCVD
            return Left(1000 if none else int(event.code), event.reason or "")
        return None

    def _collect(self, event: TextMessage | BytesMessage) -> Heard | None:
        """Put a message together from what wsproto has of it."""
        data = event.data
        self._size += len(data.encode() if isinstance(data, str) else data)
        if self._size > self._limit:
            return Broken(CloseReason.MESSAGE_TOO_BIG, "Message is too big")
        if not event.message_finished:
            if data:
                self._parts = self._parts or []
                self._parts.append(data)
            return Noise() if event.frame_finished else None
        parts, self._parts, self._size = self._parts, None, 0
        return Said(data[:0].join([*parts, data]) if parts else data)


def _new_parser() -> Connection:
    return Connection(ConnectionType.SERVER)


def _short_frame(data: bytes) -> int:
    """Return the size of the short frame that `data` begins with, 0 if it is none or not whole."""
    if len(data) < 2 or data[0] not in _SHORT_FRAMES or not data[1] & _MASKED:
        return 0
    payload = data[1] - _MASKED
    size = 2 + _MASK_BYTES + payload
    return size if payload <= _MOST_IN_SHORT and len(data) >= size else 0
