"""The protocol of one socket: what a browser is greeted with, and what its frames lead to."""

from collections.abc import Callable
from datetime import datetime

from app.core.balance_notification_service import BalanceNotificationService
from app.notifications import messages
from app.notifications.connections import BrowserConnection
from app.notifications.requests import BadFrameError, Ping, Subscribe, parse_request


class WebSocketEndpoint:
    """One browser's session on `/ws`: opened once, any number of frames, closed once."""

    __slots__ = ("_connection", "_registered", "_utc_now")

    def __init__(self, connection: BrowserConnection, *, utc_now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._utc_now = utc_now
        self._registered: list[int] = []

    def opened(self) -> None:
        """Greet the browser."""
        connection = self._connection
        connection.send(messages.connection_established(connection.id, self._utc_now()))

    def received(self, data: str | bytes) -> None:
        """Act on a frame; one that cannot be acted on is answered with what is wrong.

        Raises ConnectionError if the connection is closed.
        """
        try:
            request = parse_request(data)
        except BadFrameError as error:
            text = messages.error_message(error.code, str(error), self._utc_now())
            self._connection.send(text)
            return
        match request:
            case Subscribe(user_id):
                self._subscribe(user_id)
            case Ping(timestamp):
                self._connection.send(messages.pong(timestamp))

    def closed(self) -> None:
        """Take back every registration of the connection."""
        service = BalanceNotificationService.get_instance()
        while self._registered:
            service.remove_connection(self._registered.pop(), self._connection)

    def _subscribe(self, user_id: int) -> None:
        """Register as often as the browser asks; one that changes its user leaves the last."""
        if user_id not in self._registered:
            self.closed()
        service = BalanceNotificationService.get_instance()
        service.register_connection(user_id, self._connection)
        self._registered.append(user_id)
        self._connection.send(messages.subscription_confirmed(user_id, self._utc_now()))
