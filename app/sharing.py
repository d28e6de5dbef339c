"""Builds what processes share where other hosts may use the same database."""

from pathlib import Path

from app.adapters.lease import FileLease
from app.adapters.lease_sql import SqlLease
from app.adapters.shared_sql import SharedSql
from app.leadership import Lease
from app.settings import Settings


def shared_sql(settings: Settings) -> SharedSql:
    """Return connections of their own: what hangs in one of them keeps no other waiting."""
    return SharedSql(settings.database_url, instance_path=settings.instance_path)


def build_lease(settings: Settings, *, name: str, lock: Path) -> Lease:
    """Return what one process of all that use the database holds; `lock` does on one host."""
    if not settings.shared_database:
        return FileLease(lock)
    return SqlLease(shared_sql(settings), name=name, host=settings.host_name)
