"""The application, and databases of both kinds, for the tests of the guard."""

from tests.app.conftest import log_configuration, seeded, settings
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
    "log_configuration",
    "migrated_file",
    "migrated_template",
    "postgres",
    "postgresql_url",
    "seeded",
    "settings",
    "shared_postgres_url",
    "sqlite_url",
]
