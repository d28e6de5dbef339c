"""The protocol of one socket: what a browser is greeted with, and what its frames lead to."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol

from app.core.balance_notification_service import BalanceNotificationService
from app.notifications import messages
from app.notifications.close_codes import Refused
from app.notifications.connections import BrowserConnection
from app.notifications.proofs import Proof
from app.notifications.requests import BadFrameError, Ping, Subscribe, parse_request


class Guard(Protocol):
    """What the page behind one socket may do."""

    def entered(self) -> None:
        """Note that the socket is open."""

    def left(self) -> None:
        """Note that the socket is closed."""

    def may_speak(self) -> Refused | None:
        """Say why one message more is too much, None if it is not."""

    def may_go_on(self) -> Refused | None:
        """Say why the page may listen no longer, None if it may."""

    def may_subscribe(
        self, user_id: int, proof: Proof | None, decide: Callable[[Refused | None], None]
    ) -> None:
        """Tell `decide` why the page may not listen to this user, None if it may.

        Now, or later on the same thread, once that is known.
        """


class WebSocketEndpoint:
    """One browser's session on `/ws`: opened once, any number of frames, closed once."""

    __slots__ = ("_connection", "_entered", "_guard", "_registered", "_utc_now")

    def __init__(
        self, connection: BrowserConnection, *, utc_now: Callable[[], datetime], guard: Guard
    ) -> None:
        self._connection = connection
        self._guard = guard
        self._entered = False
        self._utc_now = utc_now
        self._registered: list[int] = []

    def opened(self) -> None:
        """Greet the browser."""
        self._guard.entered()
        self._entered = True
        connection = self._connection
        connection.send(messages.connection_established(connection.id, self._utc_now()))

    def received(self, data: str | bytes) -> None:
        """Act on a frame; one that cannot be acted on is answered with what is wrong.

        One that is refused closes the connection. Raises ConnectionError if it is closed.
        """
        if not self._connection.is_open:
            raise ConnectionError("the connection is closed: read no more from it")
        if self._closes(self._guard.may_speak()):
            return
        try:
            request = parse_request(data)
        except BadFrameError as error:
            text = messages.error_message(error.code, str(error), self._utc_now())
            self._connection.send(text)
            return
        match request:
            case Subscribe(user_id, proof):
                self._guard.may_subscribe(user_id, proof, partial(self._decided, user_id))
            case Ping(timestamp):
                self._connection.send(messages.pong(timestamp))

    def pinged(self) -> None:
        """Count a control frame like a message; too many close the connection."""
        self._closes(self._guard.may_speak())

    def checked(self) -> None:
        """Close the connection when what it proved itself with is over."""
        self._closes(self._guard.may_go_on())

    def closed(self) -> None:
        """Take back every registration of the connection, and its place."""
        self._unsubscribe()
        if self._entered:
            self._entered = False
            self._guard.left()

    def _unsubscribe(self) -> None:
        service = BalanceNotificationService.get_instance()
        while self._registered:
            service.remove_connection(self._registered.pop(), self._connection)

    def _decided(self, user_id: int, refused: Refused | None) -> None:
        if self._connection.is_open and not self._closes(refused):
            self._subscribe(user_id)

    def _subscribe(self, user_id: int) -> None:
        """Register as often as the browser asks; one that changes its user leaves the last."""
        if user_id not in self._registered:
            self._unsubscribe()
        service = BalanceNotificationService.get_instance()
        service.register_connection(user_id, self._connection)
        self._registered.append(user_id)
        self._connection.send(messages.subscription_confirmed(user_id, self._utc_now()))

    def _closes(self, refused: Refused | None) -> bool:
        if refused is None:
            return False
        self._connection.close(refused.code, refused.reason)
        return True
