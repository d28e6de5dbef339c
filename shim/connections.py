"""The connections that callers register, as each side is given them.

A side is handed a view of a connection, never the connection itself: through the view its
frames are attributed to side, user and order. A view of the legacy also remembers on the
connection what it said, so that the canonical does not say it again after a flip.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

from shim.ports import Connection, Frame
from shim.sides import Side

_order = itertools.count(1)

BALANCE_FRAME = '{"type":"balance_update"'

Serves = Callable[[int], bool]
"""Whether the canonical may send to this user."""

Saw = Callable[[Side, int, Connection, object, object], None]
"""Told of a frame that was handed over: side, user, connection, frame, what came before."""

Changed = Callable[[int], None]
"""Told that what is known of a connection of this user changed."""


class Shown(NamedTuple):
    """What a connection had been given before a frame: base version, legacy frame since."""

    base_version: int | None
    overheard: str | None


class _View:
    """What the views of both kinds share."""

    __slots__ = (
        "_changed",
        "_connection",
        "_failed",
        "_saw",
        "last_frame",
        "side",
        "user_id",
    )

    def __init__(
        self, side: Side, user_id: int, connection: Connection, *, saw: Saw, changed: Changed
    ) -> None:
        self.side = side
        self.user_id = user_id
        self._connection = connection
        self._saw = saw
        self._changed = changed
        self._failed = False
        self.last_frame = 0
        """When the newest frame was handed over, among all frames of all views; 0 for never."""

    @property
    def id(self) -> str:
        """The connection's id."""
        return self._connection.id

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._connection.is_open

    @property
    def failed(self) -> bool:
        """Whether a frame could not be handed over, once."""
        return self._failed

    @failed.setter
    def failed(self, failed: bool) -> None:
        self._failed = failed
        self._changed(self.user_id)

    def send(self, text: str) -> None:
        """Hand over one text frame."""
        shown = Shown(self._connection.base_version, self._connection.overheard)
        try:
            self._connection.send(text)
        except BaseException:
            self.failed = True
            raise
        self._hand_over(text, shown)

    def _hand_over(self, frame: object, shown: Shown) -> None:
        self.last_frame = next(_order)
        self._saw(self.side, self.user_id, self._connection, frame, shown)


class LegacyView(_View):
    """A connection as a legacy service is given it."""

    __slots__ = ()

    def send(self, text: str) -> None:
        """Hand over one text frame, and remember a balance that was shown."""
        super().send(text)
        if text.startswith(BALANCE_FRAME):
            self._connection.overheard = text


class NotServedError(ConnectionError):
    """A balance was to be sent to somebody whom another side serves."""


class CanonicalView(_View):
    """A connection as the canonical service is given it.

    It lets no balance through to a user whom the canonical does not serve: a candidate that
    asks nobody is found out, and no page is the worse for it.
    """

    __slots__ = ("_may_send", "held_back")

    def __init__(
        self,
        user_id: int,
        connection: Connection,
        *,
        saw: Saw,
        changed: Changed,
        may_send: Serves,
    ) -> None:
        super().__init__(Side.CANONICAL, user_id, connection, saw=saw, changed=changed)
        self._may_send = may_send
        self.held_back = 0
        """Frames that were not let through."""

    def send(self, text: str) -> None:
        """Hand over one text frame. Raises NotServedError for a balance of somebody else's."""
        if text.startswith(BALANCE_FRAME):
            self._check()
        super().send(text)

    def on_change(self) -> None:
        """Pass on that the connection was closed, or shows another version."""
        self._changed(self.user_id)

    @property
    def base_version(self) -> int | None:
        """The version that the canonical last handed over."""
        return self._connection.base_version

    @base_version.setter
    def base_version(self, version: int | None) -> None:
        self._connection.base_version = version

    @property
    def overheard(self) -> str | None:
        """The newest balance frame that another service sent."""
        return self._connection.overheard

    @overheard.setter
    def overheard(self, text: str | None) -> None:
        self._connection.overheard = text

    @property
    def settled(self) -> str | None:
        """The overheard frame that shows what the canonical would."""
        return self._connection.settled

    @settled.setter
    def settled(self, text: str | None) -> None:
        self._connection.settled = text

    @property
    def known(self) -> int | None:
        """The version that a page shows that is new here; None if nobody knows."""
        return self._connection.known

    @known.setter
    def known(self, version: int | None) -> None:
        self._connection.known = version

    @property
    def comes_back(self) -> bool:
        """Whether the socket ended and the page goes on: it will be back on another socket."""
        return self._connection.comes_back

    def offer(self, frame: Frame) -> None:
        """Hand over canonical state. Raises NotServedError."""
        self._check()
        shown = Shown(self._connection.base_version, self._connection.overheard)
        self._connection.offer(frame)
        self._hand_over(frame, shown)

    def release(self) -> None:
        """Let canonical state leave without the distance that it keeps from the frame before."""
        self._connection.release()

    def withdraw(self, within: float = 0.0) -> None:
        """Take back canonical state that was not begun `within` so many seconds."""
        self._connection.withdraw(within)

    def _check(self) -> None:
        if not self._may_send(self.user_id):
            self.held_back += 1
            raise NotServedError(
                f"user {self.user_id} is served by another side: ask `serves` before sending"
            )
