"""Tells when a request has arrived as a whole, so that no thread waits for the rest of it.

Most requests arrive at once and have no body: that is seen without parsing them. Of the others
h11 says where they end. The server's own parser reads them again afterwards, from memory, and
decides what they mean.
"""

from http import HTTPStatus

import h11

HEAD_BYTES = 64 * 1024
"""The longest head that is waited for. Browsers send some 2 KB."""
BODY_BYTES = 256 * 1024
"""The longest body that is waited for: as long as the longest one that a view takes."""
_END_OF_HEAD = b"\r\n\r\n"
_MORE_FOLLOWS = (b"\r\ncontent-length", b"\r\ntransfer-encoding", b"\r\nexpect")


class CannotArriveError(ValueError):
    """A request that is not waited for: `status` is what it is answered with."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Arriving:
    """The requests of one connection, one after the other."""

    __slots__ = ("_data", "_parser", "is_broken")

    def __init__(self) -> None:
        self._data = bytearray()
        self._parser: h11.Connection | None = None
        self.is_broken = False
        """Whether nobody knows where the next request begins: there must be none."""

    def __len__(self) -> int:
        """Return how many bytes wait for the rest of their request."""
        return len(self._data)

    @property
    def waits_to_go_on(self) -> bool:
        """Whether the client keeps its body back until it is told `100 Continue`."""
        return self._parser is not None and self._parser.they_are_waiting_for_100_continue

    def take(self, data: bytes = b"") -> bytes | None:
        """Return the next whole request, None while a part of it is missing.

        What h11 cannot read is returned as it is: the server's parser says what is wrong with it.
        Raises CannotArriveError.
        """
        self._data += data
        if not self._data or (not data and self._parser is not None):
            return None  # nothing came: to h11 that would be the end
        if self._parser is None:
            if _is_plain(self._data):
                return self._all()
            self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
            data = bytes(self._data)
        self._parser.receive_data(data)
        try:
            is_whole = _has_ended(self._parser)
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                raise CannotArriveError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
            self.is_broken = True
            return self._all()
        if is_whole:
            return self._up_to_the_next(self._parser.trailing_data[0])
        if len(self._data) > HEAD_BYTES + BODY_BYTES:
            raise CannotArriveError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return None

    def _all(self) -> bytes:
        return self._up_to_the_next(b"")

    def _up_to_the_next(self, rest: bytes) -> bytes:
        whole = bytes(self._data[: len(self._data) - len(rest)])
        self._data = bytearray(rest)
        self._parser = None
        return whole


def _is_plain(data: bytearray) -> bool:
    """Whether this is one whole request without a body."""
    if not data.endswith(_END_OF_HEAD) or data.count(_END_OF_HEAD) > 1:
        return False
    head = data.lower()
    return not any(name in head for name in _MORE_FOLLOWS)


def _has_ended(parser: h11.Connection) -> bool:
    while (event := parser.next_event()) is not h11.NEED_DATA:
        if event is h11.PAUSED or type(event) is h11.EndOfMessage:
            return True
    return False
