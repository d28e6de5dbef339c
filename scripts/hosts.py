"""Hosts of the application on this machine: a folder, a name, a port and workers for each."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.database import Database
from app.deciding import Deciding, build_deciding
from app.demo import prepare
from app.settings import EXCEPTIONS, PREFIX, Settings
from flags.workers import WorkerFiles, WorkerState, WorkerView

ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
STOP_S = 20.0


class HostError(Exception):
    """A host did not start, or a command on it failed: the message says what it printed."""


class Host:
    """One host. `environ` are the settings that it shares with the others."""

    def __init__(
        self, folder: Path, *, name: str, workers: int, environ: Mapping[str, str], port: int = 0
    ) -> None:
        self.name = name
        self.folder = folder
        self.port = port or free_port()
        self.workers = workers
        self.environ = {
            **{key: value for key, value in os.environ.items() if not _is_setting(key)},
            **environ,
            "SHIM_INSTANCE": str(folder),
            "SHIM_HOST_NAME": name,
            "SHIM_WORKERS": str(workers),
            "PORT": str(self.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> Settings:
        """What it was started with."""
        return Settings.from_environ(self.environ)

    def deciding(self) -> Deciding:
        """Return what its command line has: kill switch, workers, flags. Nothing is started."""
        settings = self.settings
        database = Database(settings.database_url, instance_path=settings.instance_path)
        return build_deciding(settings, database)

    def prepare(self) -> None:
        """Do in this process what `flask demo prepare` does: database, users and flags."""
        settings = self.settings
        settings.instance_path.mkdir(parents=True, exist_ok=True)
        database = Database(settings.database_url, instance_path=settings.instance_path)
        prepare(settings, database)
        database.dispose()

    @property
    def given(self) -> dict[str, str]:
        """Return the settings that it was started with, as the environment has them."""
        return {key: value for key, value in self.environ.items() if _is_setting(key)}

    @property
    def output(self) -> str:
        """What master and workers printed."""
        return (self.folder / "output").read_text(errors="replace")

    def start(self, serves: str = "wsgi:app") -> None:
        """Start the master, and do not wait for its workers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", serves],
                cwd=ROOT,
                env=self.environ,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Return when every worker shows signs of life. Raises HostError."""
        deadline = time.monotonic() + START_S
        while len(self.live()) < self.workers:
            if self._process is None or self._process.poll() is not None:
                raise HostError(f"host {self.name} ended: {self.output}")
            if time.monotonic() > deadline:
                raise HostError(f"host {self.name} is not ready: {self.output}")
            time.sleep(0.02)

    def flask(self, *command: str) -> str:
        """Run `flask …` with the host's settings, and return what it says. Raises HostError."""
        done = self.run_flask(*command)
        if done.returncode:
            raise HostError(f"flask {' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def run_flask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run `flask …` with the host's settings, however it ends."""
        return subprocess.run(
            [sys.executable, "-m", "flask", *command],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def live(self) -> Sequence[WorkerView]:
        """Return its workers that show signs of life."""
        views = WorkerFiles(self.folder / "run", host=self.name).read()
        return [view for view in views if view.state is WorkerState.LIVE]

    def ask_to_stop(self) -> None:
        """Have the master and its workers end in good order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End the master in good order, and with it its workers."""
        self.ask_to_stop()
        if self._process is not None:
            self._process.wait(STOP_S)
            self._process = None

    def kill(self) -> None:
        """End the master and all its workers without a word."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOP_S)
            self._process = None


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) or name in EXCEPTIONS
