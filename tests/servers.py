"""Fixtures of real servers, PostgreSQL and Redis, and of the databases on them.

A server that is missing fails the tests where CI is set, and skips them elsewhere.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from app.database import Database
from app.models import Base
from scripts.servers import (
    MissingServerError,
    PostgresServer,
    RedisServer,
    postgres_package,
    redis_program,
)

T = TypeVar("T")


def present(find: Callable[[], T]) -> T:
    """Return what is found; where it is not there, skip, or fail where CI is set."""
    try:
        return find()
    except MissingServerError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL server."""
    server = PostgresServer(present(postgres_package))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL server of this test's own, which it may freeze."""
    server = PostgresServer(present(postgres_package))
    try:
        server.start()
        yield server
    finally:
        server.thaw()
        server.stop()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """Yield a running Redis of this test's own, which it may kill and stop."""
    server = RedisServer(present(redis_program))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> str:
    """Return the name of a database with all tables and no rows, to be copied."""
    name = postgres.create_database()
    database = Database(postgres.url(name), instance_path=Path())
    database.upgrade()
    database.dispose()
    return name


@pytest.fixture(scope="session")
def shared_postgres_url(postgres: PostgresServer, migrated_template: str) -> str:
    """Return the URL of the one database that tests take turns with."""
    return postgres.url(postgres.create_database(template=migrated_template))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with all tables and no rows, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    database = Database("sqlite:///app.db", instance_path=folder)
    database.upgrade()
    database.dispose()
    return folder / "app.db"


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """Return the URL of an empty SQLite database with all tables."""
    shutil.copy(migrated_file, tmp_path / "app.db")
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def postgresql_url(shared_postgres_url: str, tmp_path: Path) -> str:
    """Return the URL of an empty PostgreSQL database with all tables."""
    database = Database(shared_postgres_url, instance_path=tmp_path)
    tables = ", ".join(Base.metadata.tables)
    with database.transaction() as session:
        session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    database.dispose()
    return shared_postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of an empty database with all tables, on SQLite and on PostgreSQL in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    """Yield an empty database with all tables, on SQLite and on PostgreSQL in turn."""
    database = Database(database_url, instance_path=tmp_path)
    yield database
    database.dispose()
