"""Databases of both kinds for the whole application."""

from tests.servers import (
    database_url,
    migrated_file,
    migrated_template,
    postgres,
    shared_postgres_url,
)

__all__ = [
    "database_url",
    "migrated_file",
    "migrated_template",
    "postgres",
    "shared_postgres_url",
]
