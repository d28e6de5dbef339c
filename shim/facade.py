"""The drop-in classes behind the two historic import paths, and what they re-export.

To their callers they are the two legacy services: the same names, signatures and answers.
Which implementation serves a call is looked up per user in the routing table; the side that
does not serve is shown the call later, on a thread of its own, with doubles that cannot send.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import structlog

from flags.stage import Stage
from flags.user_id import MAX_USER_ID
from shim.legacy.updates import BalanceUpdate
from shim.migration import Migration
from shim.ports import ConnectionStats, WatchedConnection
from shim.routed import RoutedCalls
from shim.router import as_user_id
from shim.sides import Path

__all__ = ["BalanceUpdate", "ConnectionAwareFacade", "UserIdOnlyFacade", "install"]

_log = structlog.get_logger("shim")


class NotInstalledError(RuntimeError):
    """A service was asked for before the application was built."""


class _Legacy(Protocol):
    """What both legacy services have in common. `Any`: their callers pass what they like."""

    def notify_balance_update(self, update: Any, /) -> object:
        """Say that a user's balance changed."""

    def remove_connection(self, user_id: Any, connection: Any, /) -> None:
        """Take a connection away."""

    def get_connection_stats(self) -> dict[str, int]:
        """Return the counts."""


class _Facade(RoutedCalls):
    """What both drop-ins share besides the routing of a call: the connections."""

    path: ClassVar[Path]
    method = "notify_balance_update"
    _instance: ClassVar["_Facade | None"] = None

    def __init__(
        self, migration: Migration, legacy: _Legacy, add_to_legacy: Callable[[Any, Any], None]
    ) -> None:
        super().__init__(migration)
        self._migration = migration
        self._legacy = legacy
        self._add_to_legacy = add_to_legacy

    @classmethod
    def get_instance(cls) -> Self:
        """Return the process's one instance. Raises NotInstalledError before there is one."""
        if not isinstance(cls._instance, cls):
            raise NotInstalledError(
                f"{cls.__name__} is not installed: build the application with create_app() first"
            )
        return cls._instance

    def _notify_nobody(self, value: object, argument: object) -> object:
        """Handle a call without a valid user: to legacy unchanged, or dropped at complete."""
        self._migration.report_invalid(self.path, value)
        if self._migration.table.stage is Stage.COMPLETE:
            return None
        return self._legacy.notify_balance_update(argument)

    def _register(self, user_id: object, connection: WatchedConnection) -> None:
        """Put a connection into the path's legacy and into the canonical, never elsewhere."""
        known = as_user_id(user_id)
        if known is None:
            self._migration.report_invalid(self.path, user_id)
            self._add_to_legacy(user_id, connection)
            return
        entry = self._migration.book.add(self.path, known, connection)
        self._add_to_legacy(user_id, entry.legacy)
        try:
            self._migration.canonical.register_connection(known, entry.canonical)
        except Exception:  # noqa: BLE001 - the caller asked the legacy: nothing of ours may reach it
            _log.exception("canonical_register_failed")

    def remove_connection(self, user_id: int, connection: WatchedConnection) -> None:
        """Take a connection away from wherever it was put."""
        migration = self._migration
        known = as_user_id(user_id)
        if known is None:
            self._legacy.remove_connection(user_id, connection)
            return
        removed, last = migration.book.remove(known, connection)
        for entry in removed:
            if entry.path is Path.CONNECTION_AWARE:
                migration.connection_aware.remove_connection(user_id, entry.legacy)
            else:
                migration.user_id_only.remove_connection(user_id, entry.legacy)
        if removed and last:
            try:
                migration.canonical.remove_connection(known, removed[0].canonical)
            except Exception:  # noqa: BLE001 - the caller asked the legacy: nothing of ours may reach it
                _log.exception("canonical_remove_failed")

    def _canonical_stats(self) -> ConnectionStats | None:
        """Return the canonical's counts once it serves everybody."""
        if self._migration.table.stage is not Stage.COMPLETE:
            return None
        return self._migration.canonical.get_connection_stats()


class ConnectionAwareFacade(_Facade):
    """`BalanceNotificationService` of the connection-aware import path."""

    path = Path.CONNECTION_AWARE

    def register_connection(self, user_id: int, connection: WatchedConnection) -> None:
        """Add a connection of this user."""
        self._register(user_id, connection)

    def notify_balance_update(self, update: BalanceUpdate) -> object:
        """Say that a user's balance changed."""
        user_id = update.user_id if isinstance(update, BalanceUpdate) else update
        if type(user_id) is int and 0 < user_id <= MAX_USER_ID:
            return self._route(user_id, update, self._legacy.notify_balance_update)
        known = as_user_id(user_id)
        if known is None:
            return self._notify_nobody(user_id, update)
        return self._route(known, update, self._legacy.notify_balance_update)

    def flush_pending_updates(self) -> None:
        """Send what is pending now."""
        self._migration.connection_aware.flush_pending_updates()
        self._migration.canonical.flush_pending_updates()

    def get_connection_stats(self) -> dict[str, int]:
        """Return users and connections under this path's own keys."""
        stats = self._canonical_stats()
        if stats is None:
            return self._legacy.get_connection_stats()
        return {"totalUsers": stats.users, "totalConnections": stats.connections}


class UserIdOnlyFacade(_Facade):
    """`BalanceNotificationService` of the user-id-only import path."""

    path = Path.USER_ID_ONLY

    def add_connection(self, user_id: int, connection: WatchedConnection) -> None:
        """Add a connection of this user."""
        self._register(user_id, connection)

    def notify_balance_update(self, user_id: int) -> object:
        """Say that a user's balance changed; an update object is the wrong kind of argument.

        The legacy answers that with silence. Its user is known all the same, so the call is
        routed and compared by it.
        """
        argument = user_id
        if isinstance(user_id, BalanceUpdate):
            user_id = user_id.user_id
        if type(user_id) is int and 0 < user_id <= MAX_USER_ID:
            return self._route(user_id, argument, self._legacy.notify_balance_update)
        known = as_user_id(user_id)
        if known is None:
            return self._notify_nobody(user_id, argument)
        return self._route(known, argument, self._legacy.notify_balance_update)

    def send_custom_message(self, user_id: int, type: str, data: object) -> None:  # noqa: A002
        """Send a message of the caller's own type and data."""
        known = as_user_id(user_id)
        if known is not None and self._migration.serves(known):
            self._migration.canonical.send_custom_message(known, type, data)
        else:
            self._migration.user_id_only.send_custom_message(user_id, type, data)

    def get_connection_stats(self) -> dict[str, int]:
        """Return users and sockets under this path's own keys."""
        stats = self._canonical_stats()
        if stats is None:
            return self._legacy.get_connection_stats()
        return {"totalUsers": stats.users, "totalSockets": stats.connections}


def install(migration: Migration) -> None:
    """Make this migration the one that both historic import paths lead to."""
    aware, by_id = migration.connection_aware, migration.user_id_only
    ConnectionAwareFacade._instance = ConnectionAwareFacade(
        migration, aware, aware.register_connection
    )
    UserIdOnlyFacade._instance = UserIdOnlyFacade(migration, by_id, by_id.add_connection)
