"""The demonstration behind gunicorn, with an open page for each user, and a shell beside it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from app.settings import EXCEPTIONS, PREFIX
from flags.admin import EmbeddedAdmin
from flags.definition import FlagDefinition
from flags.embedded import EmbeddedProvider
from flags.latch_file import FileLatchStore
from flags.state import FlagState
from flags.workers import WorkerFiles, WorkerState
from tests.docs.documents import ROOT

PATIENCE_S = 90.0
"""How long anything may take to come true; counters are written every ten seconds."""
PACE = {
    "SHIM_FARMING_INTERVAL_S": "0.5",
    "SHIM_BOOST_INTERVAL_S": "5",
    "SHIM_SHADOW_CPU_PERCENT": "50",
}
"""Income ten times as often as in `make run`, and processor time to compare all of it."""
USERS = (10, 22, 17, 74, 31, 33)


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    command: str
    exit_code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """All that it printed, for messages."""
        return f"$ {self.command}\n{self.stdout}{self.stderr}(exit code {self.exit_code})"


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true value; fail if there is none in time."""
    until = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < until, f"after {PATIENCE_S:g} s it is not so that {what}"
        time.sleep(0.02)
    return value


class Page:
    """What a browser does with the page of one user: subscribe, listen, come back."""

    def __init__(self, url: str, user: int) -> None:
        self.user = user
        self._url = url
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._connected = False
        self._frames: list[dict[str, Any]] = []
        self._all: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._run, name=f"page-{user}", daemon=True)
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Whether the present connection is subscribed."""
        return self._connected

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The balance frames of the present connection."""
        with self._lock:
            return list(self._frames)

    def canonical_versions(self) -> list[int]:
        """Return the versions that the canonical ever sent to this page."""
        with self._lock:
            return [frame["version"] for frame in self._all if "version" in frame]

    def close(self) -> None:
        """Close the page."""
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stopping.wait(0.05):
            try:
                self._listen()
            except (OSError, WebSocketException):
                self._connected = False

    def _listen(self) -> None:
        with connect(
            f"{self._url.replace('http', 'ws', 1)}/ws",
            compression=None,
            open_timeout=5,
            origin=self._url,
            additional_headers={"Cookie": self._open_page()},
        ) as ws:
            ws.send(json.dumps({"type": "subscribe", "userId": self.user}))
            with self._lock:
                self._frames = []
            while not self._stopping.is_set():
                try:
                    self._take(json.loads(ws.recv(timeout=0.1)))
                except TimeoutError:
                    continue

    def _open_page(self) -> str:
        """Load the page; return the cookie that it is signed in with."""
        with urllib.request.urlopen(f"{self._url}/u/{self.user}", timeout=60) as answer:
            return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def _take(self, frame: dict[str, Any]) -> None:
        with self._lock:
            if frame["type"] == "subscription_confirmed":
                self._connected = True
            elif frame["type"] == "balance_update":
                self._frames.append(frame)
                self._all.append(frame)


class Demonstration:
    """One running instance in a folder of its own, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.instance = folder / "instance"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.pages: dict[int, Page] = {}
        self.reasons: list[str] = []
        self._log = folder / "server.log"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve as `make run` does, and open a page for each user."""
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                [_program("flask"), "demo", "run"],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(self._is_ready, "the demonstration is ready")
        self.pages = {user: Page(self.url, user) for user in USERS}
        self.await_pages()

    def stop(self) -> None:
        """Close the pages and end the server, in good order if it can."""
        for page in self.pages.values():
            page.close()
        self.pages = {}
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(60)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()

    def run(self, command: str) -> Done:
        """Run a command of the documents in a shell, on this instance, and wait for its end."""
        self.reasons += re.findall(r'--reason "([^"]+)"', command)
        if "curl " in command and shutil.which("curl") is None:
            missing("curl")
        here = command.replace(".venv/bin/", f"{_folder()}/")
        here = here.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        here = here.replace(" instance/", f" {self.instance}/")
        if re.search(r"\bPID\b", here):
            here = re.sub(r"\bPID\b", str(self.worker), here)
        if re.search(r"\bFINGERPRINT\b", here):
            here = re.sub(r"\bFINGERPRINT\b", self.fingerprint, here)
        ended = subprocess.run(
            ["sh", "-c", here],
            check=False,
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=100,
        )
        return Done(command, ended.returncode, ended.stdout, ended.stderr)

    def flask(self, *arguments: str) -> Done:
        """Run a command of the command line that is not in the documents."""
        return self.run(" ".join([".venv/bin/flask", *arguments]))

    def flags(self) -> FlagState:
        """Return the flags as a process that starts now reads them."""
        provider = EmbeddedProvider(self.instance / "flags.json")
        provider.poll()
        return provider.state

    def flag(self, name: str) -> FlagDefinition:
        """Return one of the flags."""
        definition = self.flags().definition(name)
        assert definition is not None, f"there is no flag {name}"
        return definition

    def set_flag(self, name: str, percent: int) -> None:
        """Set a flag's percentage, and wait until the worker follows."""
        EmbeddedAdmin(self.instance / "flags.json").set_percentage(name, percent)
        eventually(self.is_followed, f"{name} at {percent} % is followed")

    def is_followed(self) -> bool:
        """Whether there is one worker, alive, and it follows the flags and the latch."""
        latch = FileLatchStore(self.instance / "latch.json").read()
        views = WorkerFiles(self.instance / "run").read()
        return [(view.state, view.record.revision, view.record.epoch) for view in views] == [
            (WorkerState.LIVE, self.flags().revision, latch.epoch if latch else 0)
        ]

    def get(self, path: str) -> Any:
        """Return what a GET answers, read as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=60) as response:
            return json.load(response)

    def look(self) -> dict[int, dict[str, Any]]:
        """Return what is booked for each user and who serves them, as the service has it."""
        return {user["id"]: user for user in self.get("/look/state.json")["users"]}

    @property
    def worker(self) -> int:
        """The number of the one worker process."""
        [file] = (self.instance / "run").glob("worker-*.json")
        return int(file.stem.removeprefix("worker-"))

    @property
    def fingerprint(self) -> str:
        """The fingerprint of a divergence that can be run again."""

        def kept() -> str | None:
            groups = json.loads(self.flask("shadow", "ledger", "--json").stdout)["groups"]
            marks = [group["fingerprint"] for group in groups]
            found = [self.flask("shadow", "replay", mark).exit_code != 2 for mark in marks[:1]]
            return marks[0] if any(found) else None

        return str(eventually(kept, "a divergence is kept"))

    def freeze(self) -> int:
        """Stop the worker as a debugger or a full machine would, and return its number."""
        pid = self.worker
        os.kill(pid, signal.SIGSTOP)
        return pid

    def await_pages(self) -> None:
        """Wait until the worker that runs now has every page."""
        eventually(
            lambda: all(page.is_connected for page in self.pages.values()),
            "every page is connected",
        )

    def _is_ready(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, f"the demonstration ended: {self._log.read_text()}"
        try:
            return bool(self.get("/readyz")["status"] == "ready")
        except (OSError, ValueError):
            return False

    def _environment(self) -> dict[str, str]:
        """Return the environment without what this test run itself was started with."""
        ours = ("PYTEST_", "MAKE", "MFLAGS", "FLASK_", PREFIX)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(ours) and name not in EXCEPTIONS
        }
        mine = {"SHIM_INSTANCE": str(self.instance), "PORT": str(self.port)}
        return {**kept, **PACE, **mine, "PYTEST_ADDOPTS": "-p no:cacheprovider"}


def missing(program: str) -> None:
    """Fail where everything must be there, skip elsewhere."""
    message = f"there is no {program} on this machine: install it"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def _folder() -> Path:
    return Path(sys.prefix) / "bin"


def _program(name: str) -> str:
    return str(_folder() / name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
