"""Databases for the tests of what is kept."""

from tests.servers import (
    database,
    database_url,
    migrated_file,
    migrated_template,
    postgres,
    postgresql_url,
    shared_postgres_url,
    sqlite_url,
)

__all__ = [
    "database",
    "database_url",
    "migrated_file",
    "migrated_template",
    "postgres",
    "postgresql_url",
    "shared_postgres_url",
    "sqlite_url",
]
