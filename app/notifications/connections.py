"""One browser's open socket: what services hand over leaves in order, by one writer."""

from typing import Protocol

import structlog

from app.notifications.messages import BalanceFrame
from app.notifications.outbox import Closing, Outbox

_log = structlog.get_logger(__name__)


class Transport(Protocol):
    """The socket below. Only the connection's one writer calls it."""

    def write(self, text: str) -> None:
        """Write one whole frame; may block. Raises an exception if the socket is broken."""

    def close(self, code: int, reason: str) -> None:
        """Close the socket; nothing happens if it is closed already."""


class BrowserConnection:
    """A `Connection` with an outbox between the services and the socket.

    Handing over never blocks. Whoever owns the socket runs `write_frames` on a thread of
    its choice, once; it returns when the connection is closed.
    """

    def __init__(self, connection_id: str, transport: Transport) -> None:
        self._id = connection_id
        self._transport = transport
        self._outbox = Outbox()

    @property
    def id(self) -> str:
        """Unique in the process."""
        return self._id

    @property
    def is_open(self) -> bool:
        """Whether a frame may still be handed over."""
        return self._outbox.is_open

    @property
    def base_version(self) -> int | None:
        """The version that the canonical last handed to this connection."""
        return self._outbox.base_version

    @base_version.setter
    def base_version(self, version: int | None) -> None:
        self._outbox.base_version = version

    @property
    def overheard(self) -> str | None:
        """The newest balance frame that another service put on this socket since."""
        return self._outbox.overheard

    @overheard.setter
    def overheard(self, text: str | None) -> None:
        self._outbox.overheard = text

    def send(self, text: str) -> None:
        """Hand over one text frame. Raises ConnectionError if closed; a flood closes it, 1013."""
        self._outbox.put(text)

    def offer(self, frame: BalanceFrame) -> None:
        """Hand over canonical state. Raises ConnectionError if the connection is closed."""
        self._outbox.offer(frame)

    def withdraw(self, within: float = 0.0) -> None:
        """Take back canonical state that was not begun `within` so many seconds."""
        self._outbox.withdraw(within)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection; what was not begun is not sent. Never blocks."""
        self._outbox.close(code, reason)

    def write_frames(self) -> int:
        """Write what is handed over, frame by frame; return the code it was closed with."""
        while True:
            item = self._outbox.take()
            if isinstance(item, Closing):
                self._transport.close(item.code, item.reason)
                return item.code
            try:
                self._transport.write(item)
            except Exception as error:  # noqa: BLE001 - whatever it raised, the socket is broken
                _log.info("connection_broken", connection=self._id, error=str(error))
                self.close(1011, "the socket is broken")
