"""A page of a life: the socket that the service is given, and what leaves on it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from shim.ports import Frame

GONE, CLOSED = 1006, 1001
"""Codes of a socket that ended: the page goes on and will be back; somebody closed the page."""
MOST_DROPPED = 100
"""Users who are remembered without a look whether that is still called for."""
BACK_WITHIN_S = 300.0
"""For so long a page that dropped may be back and is to be told what it missed."""


class WireConnection(Protocol):
    """A connection as the application makes it, from which frames are taken as a socket does."""

    base_version: int | None
    overheard: str | None

    @property
    def is_open(self) -> bool:
        """Whether anything may still be put in."""

    def send(self, text: str) -> None:
        """Hand over one text frame."""

    def offer(self, frame: Any) -> None:
        """Hand over canonical state."""

    def withdraw(self, within: float = 0.0) -> None:
        """Take back canonical state that was not begun."""

    def release(self) -> None:
        """Let canonical state leave without the distance that it keeps."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Let nothing more in, and nothing out but the close."""

    def take(self) -> object:
        """Return what leaves next, None if nothing may."""

    @property
    def due(self) -> float | None:
        """When state that waits for its time may leave."""


NewPage = Callable[[str, Callable[[], None], float, Callable[[], float]], WireConnection]
"""Makes a page's connection: its id, what is called when something waits, the seconds that balance
frames keep between them, and the clock."""


@dataclass(slots=True, eq=False)
class Sitting:
    """A page while it is subscribed for one user, and what left on it meanwhile.

    `shown` is the version that the page shows. None: it came in the midst of something, so that
    nobody knows. What it read is not older than `joined`, and it may be told of the change before
    that as well. It is taken to know what the first read that begins after `registered` reads
    answered, which is `adopted`.
    """

    user: int
    shown: int | None
    joined: int
    registered: int
    distance_s: float
    adopted: int | None = None
    frames: list[object] = field(default_factory=list)
    before: list[int | None] = field(default_factory=list)
    said_at: list[datetime] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)
    is_over: bool = False
    owed: list[tuple[float, int]] = field(default_factory=list)
    """When it had to be told of which version, as long as it was not."""
    waited: float = 0.0
    """The longest that it had to wait, beyond what is excused."""
    unasked: int = 0
    """Frames that left though another service served the user."""
    texts_due: list[int] = field(default_factory=list)

    @property
    def knows(self) -> int:
        """The version that the page shows, as far as anybody can say."""
        if self.shown is not None:
            return self.shown
        return self.joined if self.adopted is None else self.adopted

    def known_before(self, since: object) -> int | None:
        """Return what the page showed before a frame that says `since`."""
        if self.shown is not None or not isinstance(since, int):
            return self.shown
        return max(since, self.joined - 1)

    def begin_anew(self) -> None:
        """Forget what left so far; what the page shows stays."""
        self.frames, self.before, self.said_at = [], [], []
        self.texts, self.texts_due = [], []
        self.waited, self.unasked = 0.0, 0


class LivePage:
    """What the service is handed: the connection itself, but that nobody waits on it.

    A page that is slow would take nothing however long the service waited for it.
    """

    __slots__ = ("_connection", "_offered")

    def __init__(self, connection: WireConnection, offered: Callable[[Frame], None]) -> None:
        object.__setattr__(self, "_connection", connection)
        object.__setattr__(self, "_offered", offered)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._connection, name, value)

    def offer(self, frame: Frame) -> None:
        """Hand the state over, and note when."""
        self._offered(frame)
        self._connection.offer(frame)

    def withdraw(self, within: float = 0.0) -> None:
        """Take back what was not begun; a page that is quick has begun all there was."""
        if within > 0:
            self._connection.release()
        self._connection.withdraw()


class Page:
    """One page, as long as its socket is open."""

    def __init__(self, connection: WireConnection, live: LivePage, distance_s: float) -> None:
        self.connection = connection
        self.live = live
        self.distance_s = distance_s
        self.is_quick = True
        self.is_broken = False
        self.sitting: Sitting | None = None
        self.offered: dict[int, datetime] = {}


class Dropped:
    """What pages showed whose socket ended, by user, as long as they may be back."""

    def __init__(self) -> None:
        self._pages: dict[int, list[tuple[float, int]]] = {}

    def add(self, user: int, version: int, now: float) -> None:
        """Remember the version that a page showed."""
        self._pages.setdefault(user, []).append((now + BACK_WITHIN_S, version))
        if len(self._pages) > MOST_DROPPED:
            self._pages = {u: each for u, each in self._pages.items() if each[-1][0] > now}

    def back(self, user: int, now: float) -> int | None:
        """Return what a page showed that may be back now: the one that is furthest behind."""
        pages = [each for each in self._pages.pop(user, ()) if each[0] > now]
        if not pages:
            return None
        back = min(pages, key=lambda each: each[1])
        pages.remove(back)
        if pages:
            self._pages[user] = pages
        return back[1]
