"""Databases for the tests of money."""

from tests.servers import (
    database,
    database_url,
    migrated_file,
    migrated_template,
    postgres,
    shared_postgres_url,
)

__all__ = [
    "database",
    "database_url",
    "migrated_file",
    "migrated_template",
    "postgres",
    "shared_postgres_url",
]
