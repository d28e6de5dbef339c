"""The application as it runs for real: gunicorn, its own folder, and the command line beside it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
START_S = 180.0
STOP_S = 60.0


def wait_until(condition: Callable[[], bool], what: str, *, within: float = 30.0) -> None:
    """Return as soon as the condition holds; fail once it took too long, saying `what`."""
    within = max(within, PATIENCE_S)
    assert comes_true(condition, within=within), f"{what}: not within {within} s"


def comes_true(condition: Callable[[], bool], *, within: float) -> bool:
    """Wait until the condition holds, and return True; return False after `within` seconds."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


class Service:
    """`flask demo run` in a process of its own, in which nothing is paid unless ordered."""

    def __init__(self, instance_path: Path) -> None:
        self._instance_path = instance_path
        self._environ = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SHIM_")},
            "SHIM_INSTANCE": str(instance_path),
            "SHIM_SCHEDULERS": "off",
            "SHIM_LOG_USER_IDS": "plain",
            "SHIM_LOG_FIRST_LINES": "1000000",  # a line is the sign that an episode was judged
            "SHIM_SHADOW_CPU_PERCENT": "100",  # a test waits for every episode to be judged
            "PORT": str(_free_port()),
        }
        self.url = f"http://127.0.0.1:{self._environ['PORT']}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._instance_path.mkdir(parents=True, exist_ok=True)
        with (self._instance_path / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flask", "demo", "run"],
                cwd=ROOT,
                env=self._environ,
                stdout=output,
                stderr=output,
            )
        wait_until(self._is_ready, "the service answers", within=START_S)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STOP_S)

    def flask(self, *command: str) -> str:
        """Run a command of the command line; return what it printed, fail unless it exits 0."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", *command],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def order(self, user: int, kind: str) -> None:
        """Have a reward booked by its caller; when this returns it is in the database."""
        body = json.dumps({"user": user, "kind": kind}).encode()
        request = urllib.request.Request(
            f"{self.url}/look/reward", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 201

    def state(self) -> dict[str, Any]:
        """Return the stage, and every user as the database has them."""
        with urllib.request.urlopen(f"{self.url}/look/state.json", timeout=60) as answer:
            state: dict[str, Any] = json.load(answer)
            return state

    def version(self, user: int) -> int:
        """Return the version of a user's balance in the database."""
        return int(self._user(user)["version"])

    def balance(self, user: int) -> tuple[Decimal, Decimal]:
        """Return what the database holds for a user, UNI and TON."""
        found = self._user(user)
        return Decimal(found["uni"]), Decimal(found["ton"])

    def divergences(self, user: int, comparison: str) -> list[dict[str, Any]]:
        """Return the lines of the shadow log on one user and one comparison, oldest first."""
        logs = (self._instance_path / "log").glob("shadow-*.jsonl")
        lines = [line for log in logs for line in log.read_text().splitlines(keepends=True)]
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [
            line
            for line in whole
            if line["event"] == "divergence"
            and (line["user"], line["comparison"]) == (user, comparison)
        ]

    def _user(self, user: int) -> dict[str, Any]:
        [found] = [each for each in self.state()["users"] if each["id"] == user]
        return found

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._instance_path / "output").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=60) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
