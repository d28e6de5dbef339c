"""Databases for the tests of money."""

from tests.servers import database, database_url, migrated_template, postgres

__all__ = ["database", "database_url", "migrated_template", "postgres"]
