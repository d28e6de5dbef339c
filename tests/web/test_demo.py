"""The command behind `make run`."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import func, select

from app.demo import PACE, serving_environment
from app.demo_users import DEMO_USERS
from app.factory import create_app
from app.models import FarmingDeposit, TonBoost, Transaction
from app.parts import Parts
from app.settings import Settings
from flags.decision import CANONICAL_FLAG
from flags.definition import bucket_of
from tests.web.live import wait_until

ROOT = Path(__file__).parents[2]


def invoke(instance_path: Path, *command: str, port: int = 8000) -> tuple[Result, Parts]:
    """Run a command of the command line in this process."""
    settings = Settings(instance_path=instance_path, database_url="sqlite:///app.db", port=port)
    app = create_app(settings)
    return app.test_cli_runner().invoke(args=command), app.extensions["parts"]


@contextmanager
def taken_port() -> Iterator[int]:
    """Listen on a port, so that nobody else can."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with taken_port() as port:
        return port


def rows(parts: Parts) -> list[int]:
    """Return how many transactions, deposits and boosts there are."""
    tables = (Transaction, FarmingDeposit, TonBoost)
    with parts.database.reading() as session:
        return [session.scalar(select(func.count(table.id))) or 0 for table in tables]


def test_a_quarter_of_the_ramp_always_moves_somebody() -> None:
    """The users stand in the order of their buckets, with somebody in each quarter."""
    buckets = [bucket_of(CANONICAL_FLAG, user.id) for user in DEMO_USERS]

    assert buckets == sorted(buckets)
    assert {(bucket - 1) // 25 for bucket in buckets} == {0, 1, 2, 3}


def test_each_half_of_the_ramp_has_one_boost() -> None:
    """On either side of 50 % one page can be moved by a boost, and the others cannot."""
    boosted = [user.id for user in DEMO_USERS if user.boost is not None]

    assert [bucket_of(CANONICAL_FLAG, user) > 50 for user in boosted] == [False, True]


def test_every_user_farms_something_visible() -> None:
    """Each tick of the farming scheduler books a reward for each user."""
    assert all(user.farms > 0 for user in DEMO_USERS)


def test_preparing_twice_is_preparing_once(tmp_path: Path) -> None:
    """A second start keeps what the users have earned since the first."""
    _, parts = invoke(tmp_path, "demo", "prepare")
    parts.farming.run_once(datetime.now(UTC))
    parts.flag_admin.set_percentage(CANONICAL_FLAG, 25)
    parts.database.dispose()

    result, again = invoke(tmp_path, "demo", "prepare")

    assert result.exit_code == 0, result.output
    assert rows(again) == [3 * len(DEMO_USERS), len(DEMO_USERS), 2]
    again.provider.start()
    definition = again.provider.state.definition(CANONICAL_FLAG)
    assert definition is not None
    assert definition.percentage == 25
    again.database.dispose()


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """The command ends with 1, names the port, and says how to choose another."""
    with taken_port() as port:
        result, _ = invoke(tmp_path, "demo", "run", port=port)

    assert result.exit_code == 1
    assert f"port {port} on 127.0.0.1 is in use" in result.output
    assert "PORT=8001" in result.output
    assert not (tmp_path / "app.db").exists()


def test_the_pace_yields_to_the_environment() -> None:
    """Whoever sets an interval gets it; the rest is the demonstration's."""
    environment = serving_environment({"SHIM_FARMING_INTERVAL_S": "60", "HOME": "/"})

    assert environment == {**PACE, "SHIM_FARMING_INTERVAL_S": "60", "HOME": "/"}


@pytest.mark.processes
def test_one_command_serves_the_look_page(tmp_path: Path) -> None:
    """From an empty folder, `flask demo run` serves the pages, and rewards come by themselves."""
    port = free_port()
    environ = {
        **os.environ,
        "SHIM_INSTANCE": str(tmp_path),
        "PORT": str(port),
        "SHIM_FARMING_INTERVAL_S": "0.2",
    }
    command = [sys.executable, "-m", "flask", "demo", "run"]
    with (tmp_path / "out").open("wb") as out:
        server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=out, stderr=out)
    try:
        wait_until(lambda: "Farming reward" in fetched(f"http://127.0.0.1:{port}/u/74"), within=60)
        assert "card-74" in fetched(f"http://127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait(60)


def fetched(url: str) -> str:
    """Return the page, or nothing while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            body: bytes = response.read()
            return body.decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return ""
