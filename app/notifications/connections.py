"""One browser's open socket, as services are handed it."""

from collections.abc import Callable

from app.notifications.doorbell import AT_ONCE, Doorbell
from app.notifications.outbox import Outbox


class BrowserConnection(Outbox):
    """A `Connection`: an outbox with a name. Handing over never blocks and never sends.

    Whoever owns the socket calls `take` after it was woken, frame by frame as the socket
    takes them, until nothing waits.
    """

    __slots__ = ("id",)

    def __init__(
        self, connection_id: str, wake: Callable[[], None], *, doorbell: Doorbell = AT_ONCE
    ) -> None:
        super().__init__(wake, doorbell=doorbell)
        self.id = connection_id
        """Unique in the process."""

    def send(self, text: str) -> None:
        """Hand over one text frame. Raises ConnectionError if closed; a flood closes it, 1013."""
        self.put(text)
