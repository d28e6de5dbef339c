"""Databases of both kinds for the whole application."""

from tests.servers import (
    database_url,
    migrated_file,
    migrated_template,
    postgres,
    postgresql_url,
    shared_postgres_url,
    sqlite_url,
)

__all__ = [
    "database_url",
    "migrated_file",
    "migrated_template",
    "postgres",
    "postgresql_url",
    "shared_postgres_url",
    "sqlite_url",
]
