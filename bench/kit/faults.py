"""What mutants have in common: the service that ships, but for one thing that goes by."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.notifications.messages import BalanceFrame
from app.notifications.ports import Connection, TruthReader, UserTruth
from app.notifications.service import BalanceNotifications


class FrameFault(BalanceNotifications):
    """Whoever derives from it says by `frames` what is offered in place of a frame."""

    def __init__(self, **ports: Any) -> None:
        super().__init__(**ports)
        self._between: dict[int, _Between] = {}

    def frames(self, frame: BalanceFrame, connection: Connection) -> Iterable[Any]:
        """Return what this connection is offered."""
        raise NotImplementedError

    def register_connection(self, user_id: int, connection: Connection) -> None:
        """Register with something in between."""
        between = self._between.setdefault(id(connection), _Between(self, connection))
        super().register_connection(user_id, between)

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Remove what stands in between."""
        between = self._between.pop(id(connection), None)
        super().remove_connection(user_id, between or connection)


class _Between:
    """A connection that says something else."""

    def __init__(self, service: FrameFault, connection: Connection) -> None:
        object.__setattr__(self, "_service", service)
        object.__setattr__(self, "connection", connection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.connection, name, value)

    def offer(self, frame: BalanceFrame) -> None:
        """Offer what the fault makes of the frame."""
        for each in self._service.frames(frame, self.connection):
            self.connection.offer(each)


class TruthFault(BalanceNotifications):
    """Whoever derives from it says by `read` what the service takes for the truth."""

    def __init__(self, *, truth: TruthReader, **ports: Any) -> None:
        self.real = truth
        super().__init__(truth=_Misread(self, truth), **ports)

    def read(
        self, truth: TruthReader, since: Mapping[int, int | None], *, timeout: float | None
    ) -> dict[int, UserTruth]:
        """Return the truths, read from `truth`."""
        raise NotImplementedError


class _Misread:
    """A reader that reads something else."""

    def __init__(self, service: TruthFault, truth: TruthReader) -> None:
        self._service = service
        self._truth = truth
        self.place = truth.place

    def read(
        self, since: Mapping[int, int | None], *, timeout: float | None = None
    ) -> dict[int, UserTruth]:
        """Read as the fault does."""
        return self._service.read(self._truth, since, timeout=timeout)


def each_nth(n: int) -> Iterator[bool]:
    """Yield True for every nth time."""
    while True:
        for place in range(1, n + 1):
            yield place == n
