"""What starts all of it: the command on this machine, and the file for those with Docker."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings
from scripts.hosts import free_port
from scripts.servers import postgres_package, redis_program
from scripts.unleash_server import unleash_programs
from tests.hosts.conftest import until
from tests.servers import present

ROOT = Path(__file__).parents[2]
COMPLETE = r"4 workers live, 6 pages open, [1-9]\d* balances shown"


@pytest.mark.processes
@pytest.mark.timeout(240)
@pytest.mark.postgres
@pytest.mark.redis
def test_one_command_starts_all_of_it_and_ends_all_of_it(tmp_path: Path) -> None:
    """Four workers and the pages come up, balances are shown, an order reaches both hosts."""
    present(postgres_package)
    present(redis_program)
    present(unleash_programs)
    command = [sys.executable, "scripts/stack.py", "--folder", str(tmp_path)]
    arguments = ["--port", str(free_port()), "--pages", "6"]
    output = tmp_path / "said"
    with output.open("wb") as said:
        stack = subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=said, stderr=said)
    try:
        until(lambda: re.search(COMPLETE, output.read_text()), within=160)
        assert len(re.findall(r"worker \d+ (?:of host host-b )?confirmed", output.read_text())) == 8
        settings = tmp_path / "host-b" / "settings.sh"
        flask = f". {settings}; {sys.executable} -m flask rollout rollback --reason drill"
        done = subprocess.run(
            ["sh", "-c", flask], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(re.findall(r"worker \d+ confirmed after", done.stdout)) == 2
        assert len(re.findall(r"worker \d+ of host host-a confirmed after", done.stdout)) == 2
        assert settings.stat().st_mode & 0o077 == 0
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(60)
    assert output.read_text().endswith("ending\n")
    assert not list(tmp_path.glob("host-*/run/worker-*.json"))


@pytest.fixture
def compose() -> dict[str, Any]:
    """Return the services of the compose file."""
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return services


@pytest.mark.parametrize("name", ["host-a", "host-b"])
def test_the_compose_file_gives_each_host_settings_that_hold(
    compose: dict[str, Any], name: str
) -> None:
    """They are read as the service reads them; both servers are named as they are called there."""
    environ = dict(compose[name]["environment"])
    assert environ["SHIM_SECRET_KEY"].startswith("${SHIM_SECRET_KEY:?")
    settings = Settings.from_environ({**environ, "SHIM_SECRET_KEY": "x" * 32})
    unleash = compose["unleash"]["environment"]
    assert settings.host_name == name
    assert settings.shared_database
    assert "@postgres/" in settings.database_url
    assert settings.notify_bus_url == "redis://redis:6379/0"
    assert settings.unleash_url == "http://unleash:4242"
    assert settings.unleash_client_token == unleash["INIT_CLIENT_API_TOKENS"]
    assert settings.unleash_admin_token == unleash["INIT_ADMIN_API_TOKENS"]
    assert {"postgres", "redis", "unleash"} <= compose[name]["depends_on"].keys()
    assert compose[name]["depends_on"].keys() <= compose.keys()
    assert compose[name]["ports"][0].endswith(f":{settings.port}")


def test_the_hosts_of_the_compose_file_differ_where_they_must(compose: dict[str, Any]) -> None:
    """Names, folders and ports are each host's own; everything else is alike."""
    here, there = compose["host-a"], compose["host-b"]
    assert here["command"] == there["command"]
    assert {here["ports"][0], there["ports"][0]} == {
        "127.0.0.1:8001:8000",
        "127.0.0.1:8002:8000",
    }
    assert here["volumes"] != there["volumes"]
    differing = {
        key for key, value in here["environment"].items() if there["environment"][key] != value
    }
    assert differing == {"SHIM_HOST_NAME"}
