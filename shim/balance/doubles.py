"""What a shadow is given instead of the world: doubles that record and cannot send."""

from collections.abc import Callable

from shim.legacy.ports import Balance
from shim.ports import Frame, TruthReader

PUBLISH = "publish"
"""The kind of the effect that is a publication on the bus; its payload is the user."""


class ConnectionDouble:
    """A connection with the state that the real one, which it stands for, had at the call."""

    def __init__(
        self,
        *,
        connection_id: str,
        is_open: bool,
        failed: bool,
        record: Callable[[object], None],
        stands_for: str = "",
    ) -> None:
        self.id = connection_id
        self.stands_for = stands_for
        self.is_open = is_open
        self._base_version: int | None = None
        self._watchers: list[Callable[[], None]] = []
        self.overheard: str | None = None
        self.settled: str | None = None
        self.known: int | None = None
        self.comes_back = False
        self._failed = failed
        self._record = record

    @property
    def base_version(self) -> int | None:
        """The version that the page shows."""
        return self._base_version

    @base_version.setter
    def base_version(self, version: int | None) -> None:
        self._base_version = version
        for changed in self._watchers:
            changed()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change of the version; whether it is open stays."""
        self._watchers.append(changed)

    def unwatch(self, changed: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers.remove(changed)

    def send(self, text: str) -> None:
        """Note the frame, or fail as the real connection did."""
        self._hand_over(text)

    def offer(self, frame: Frame) -> None:
        """Note the state, or fail as the real connection did."""
        self._hand_over(frame)
        self.base_version = frame.version
        self.overheard = None

    def release(self) -> None:
        """Do nothing: what was offered counts as said."""

    def withdraw(self, within: float = 0.0) -> None:
        """Do nothing: what was offered counts as said."""

    @property
    def is_alive(self) -> bool:
        """Whether what is handed over would arrive."""
        return self.is_open and not self._failed

    def _hand_over(self, payload: object) -> None:
        if not self.is_alive:
            raise ConnectionError(f"connection {self.id} is closed: nothing can be sent on it")
        self._record(payload)


class BusDouble:
    """A bus that leads to nobody: it notes what would have been published."""

    def __init__(self, record: Callable[[int], None]) -> None:
        self._record = record

    def publish(self, user_id: int) -> None:
        """Note the publication."""
        self._record(user_id)

    def pass_on(self, user_id: int, text: str) -> None:
        """Do nothing: no shadow is shown a custom message."""


class ManagerDouble:
    """The balance manager as a shadow sees it: the cache as it was, then the database.

    Its hook slot is there for the legacy service to install itself in; nobody reads it.
    """

    def __init__(self, truth: TruthReader) -> None:
        self._truth = truth
        self.on_balance_update: Callable[[int], None] | None = None
        self.cached: Balance | None = None
        """What the manager's cache held for the user of the call that runs now."""

    def get_user_balance(self, user_id: int) -> Balance:
        """Return what the manager would have answered, without filling its cache."""
        if self.cached is not None:
            return self.cached
        found = self._truth.read({user_id: None}).get(user_id)
        if found is None:
            raise LookupError(f"user {user_id} has no balance: the database knows no such user")
        return found
