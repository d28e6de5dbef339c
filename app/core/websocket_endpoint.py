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

    def may_repeat(self) -> Refused | None:
        """Say why one more of what was said before is too much, None if it is not."""

    def unread(self, code: str) -> None:
        """Count a message that cannot be acted on."""


class WebSocketEndpoint:
    """One browser's session on `/ws`: opened once, any number of frames, closed once."""

    __slots__ = ("_connection", "_entered", "_guard", "_registered", "_said", "_utc_now")

    def __init__(
        self, connection: BrowserConnection, *, utc_now: Callable[[], datetime], guard: Guard
    ) -> None:
        self._connection = connection
        self._guard = guard
        self._entered = False
        self._utc_now = utc_now
        self._registered: list[int] = []  # one user at most
        self._said: int | None = None

    def opened(self) -> None:
        """Greet the browser."""
        self._guard.entered()
        self._entered = True
        connection = self._connection
        connection.send(messages.connection_established(connection.id, self._utc_now()))

    def received(self, data: str | bytes) -> None:
        """Act on a frame. Production is silent about one that cannot be acted on, and so are we.

        Production's page answers every frame that it hears by subscribing again. One that is
        refused closes the connection. Raises ConnectionError if it is closed.
        """
        if not self._connection.is_open:
            raise ConnectionError("the connection is closed: read no more from it")
        try:
            request = parse_request(data)
        except BadFrameError as error:
            if not self._closes(self._guard.may_speak()):
                self._guard.unread(error.code)
            return
        match request:
            case Subscribe():
                self._asked(request)
            case Ping(timestamp):
                if not self._closes(self._guard.may_speak()):
                    self._pong(timestamp)

    def pinged(self) -> None:
        """Count a control frame like a message; too many close the connection."""
        self._closes(self._guard.may_speak())

    def checked(self) -> None:
        """Close the connection when what it proved itself with is over."""
        self._closes(self._guard.may_go_on())

    def closed(self) -> None:
        """Take back the registration of the connection, and its place."""
        self._unsubscribe()
        if self._entered:
            self._entered = False
            self._guard.left()

    def _pong(self, timestamp: object) -> None:
        now = messages.iso_text(self._utc_now())
        self._connection.send(messages.pong(now if timestamp is None else timestamp))

    def _asked(self, request: Subscribe) -> None:
        """Subscribe, unless the same was asked before; only another user is registered anew."""
        said = hash(request)
        if said == self._said:
            self._closes(self._guard.may_repeat())
        elif not self._closes(self._guard.may_speak()):
            self._said = said
            decided = partial(self._decided, request)
            self._guard.may_subscribe(request.user_id, request.proof, decided)

    def _decided(self, request: Subscribe, refused: Refused | None) -> None:
        if not self._connection.is_open or self._closes(refused):
            return
        if request.user_id not in self._registered:
            self._unsubscribe()
            self._connection.known = request.version
            self._subscribe(request.user_id)

    def _unsubscribe(self) -> None:
        service = BalanceNotificationService.get_instance()
        while self._registered:
            service.remove_connection(self._registered.pop(), self._connection)

    def _subscribe(self, user_id: int) -> None:
        """Register and confirm."""
        service = BalanceNotificationService.get_instance()
        service.register_connection(user_id, self._connection)
        self._registered.append(user_id)
        self._connection.send(messages.subscription_confirmed(user_id, self._utc_now()))

    def _closes(self, refused: Refused | None) -> bool:
        if refused is None:
            return False
        self._connection.close(refused.code, refused.reason)
        return True
