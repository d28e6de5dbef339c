"""What a browser's socket leads to: its session."""

from collections.abc import Callable
from typing import Protocol

from app.notifications.connections import BrowserConnection

PATH = "/ws"
"""Where browsers open it."""


class Session(Protocol):
    """What a browser's messages lead to. All calls come from the I/O thread: none may block."""

    def opened(self) -> None:
        """Greet the browser."""

    def received(self, data: str | bytes) -> None:
        """Act on a message. Raises ConnectionError if the connection is closed."""

    def pinged(self) -> None:
        """Note a control frame, or another one that says nothing."""

    def checked(self) -> None:
        """See whether the browser may go on; called every few seconds."""

    def closed(self) -> None:
        """Take back what the session did; called once."""


NewSession = Callable[[BrowserConnection], Session]
