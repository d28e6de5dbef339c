"""The command that sets the demonstration up: what cannot be used is said in one sentence."""

import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from psycopg import sql

from scripts.hosts import free_port
from tests.application import Build
from tests.servers import PostgresServer

Demo = Callable[..., Result]


@pytest.fixture
def demo(build: Build) -> Demo:
    """Return what types a command of the demonstration, with its own instance folder."""

    def run(url: str = "sqlite:///app.db", command: str = "prepare") -> Result:
        result: Result = build(database_url=url, port=free_port()).run("demo", command)
        return result

    return run


def garbage(path: Path) -> None:
    """Put something else in the database's place."""
    path.write_bytes(b"garbage" * 100)


def folder(path: Path) -> None:
    """Put a folder in the database's place."""
    path.mkdir()


def of_tomorrow(path: Path) -> None:
    """Leave tables of a version that nobody knows yet."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('m9999')")
    connection.close()


def explained(result: Result, *words: str) -> None:
    """Assert that the command failed with one line that holds the words, and no traceback."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    [line] = result.output.strip().splitlines()
    assert line.startswith("Error: The demonstration cannot be set up: the database ")
    for word in words:
        assert word in line


@pytest.mark.parametrize("command", ["run", "prepare"])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (garbage, ("file is not a database", "restore it from a backup")),
        (folder, ("app.db", "let this process write that file")),
        (of_tomorrow, ("m9999", "start the version that made them")),
    ],
)
def test_a_file_that_is_no_database_of_ours_is_explained(
    demo: Demo, tmp_path: Path, command: str, spoil: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    """Whatever stands in its place, the file is named and so is what to do."""
    spoil(tmp_path / "app.db")
    explained(demo(command=command), str(tmp_path / "app.db"), *words)


def test_a_server_that_is_not_there_is_explained(demo: Demo) -> None:
    """The address is named without its password, and what to check."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = demo(f"postgresql://me:secret@127.0.0.1:{port}/app")
    explained(result, f"127.0.0.1:{port}", "check that the server runs", "password right")
    assert "secret" not in result.output


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have_is_explained(
    demo: Demo, postgres: PostgresServer
) -> None:
    """The server's own words stand beside what to check."""
    explained(demo(postgres.url("nowhere")), "nowhere", "does not exist", "check that the server")


@pytest.mark.postgres
def test_a_user_who_may_not_sign_in_is_explained(demo: Demo, postgres: PostgresServer) -> None:
    """A wrong user or password is the server's refusal, and what to put right."""
    postgres.execute(sql.SQL("DROP ROLE IF EXISTS stranger"))
    postgres.execute(sql.SQL("CREATE ROLE stranger NOLOGIN"))
    url = postgres.url("postgres").replace("postgres@", "stranger:secret@")
    result = demo(url)
    explained(result, "stranger", "user and password right")
    assert "secret" not in result.output
