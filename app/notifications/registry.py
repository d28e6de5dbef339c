"""Who is connected: each user's connections, in the order of registration."""

from dataclasses import dataclass

from app.notifications.ports import Connection


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """How many users have how many connections."""

    users: int
    connections: int


class Registry:
    """Connections by user, each once.

    A user's connections are a tuple that is replaced, never changed: whoever reads needs
    no lock and loops over what was there when it looked. Whoever writes locks.
    """

    def __init__(self) -> None:
        self._connections: dict[int, tuple[Connection, ...]] = {}

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._connections

    def of(self, user_id: int) -> tuple[Connection, ...]:
        """Return the user's connections."""
        return self._connections.get(user_id, ())

    def holds(self, user_id: int, connection: Connection) -> bool:
        """Whether this very connection is one of the user's."""
        return connection in self._connections.get(user_id, ())

    def users(self) -> tuple[int, ...]:
        """Return the users who have a connection."""
        return tuple(self._connections)

    def add(self, user_id: int, connection: Connection) -> bool:
        """Add a connection; False if it was there."""
        if self.holds(user_id, connection):
            return False
        self._connections[user_id] = (*self.of(user_id), connection)
        return True

    def remove(self, user_id: int, connection: Connection) -> bool:
        """Take a connection away; False if it was not there."""
        known = self.of(user_id)
        rest = tuple(one for one in known if one is not connection)
        if rest:
            self._connections[user_id] = rest
        else:
            self._connections.pop(user_id, None)
        return len(rest) < len(known)

    def stats(self) -> ConnectionStats:
        """Return the counts."""
        return ConnectionStats(
            users=len(self._connections),
            connections=sum(map(len, self._connections.values())),
        )
