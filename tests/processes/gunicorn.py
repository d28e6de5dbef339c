"""gunicorn on an instance folder, with the workers that are asked for."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from click.testing import Result

from app.factory import create_app
from app.settings import Settings
from flags.workers import WorkerFiles, WorkerState, WorkerView
from tests.application import until

ROOT = Path(__file__).parents[2]
START_S = 180.0
STOP_S = 60.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Gunicorn:
    """A master with its workers, in processes of their own; ended with the `with` block."""

    def __init__(
        self,
        instance: Path,
        *,
        workers: int,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        serves: str = "wsgi:app",
        output: int | None = None,
    ) -> None:
        self.settings = Settings(
            instance_path=instance, database_url="sqlite:///app.db", schedulers=False
        )
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._workers = workers
        self._environ = dict(environ or {})
        self._serves = serves
        self._output = output
        self._instance = instance
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.launch()
        until(self._is_ready, within=START_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the master, and do not wait for its workers."""
        ours = ("SHIM_", "PORT", "DATABASE_URL", "NOTIFY_BUS_URL")
        environ = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        environ |= {
            "SHIM_INSTANCE": str(self._instance),
            "SHIM_SCHEDULERS": "off",
            "PORT": str(self.port),
            **self._environ,
        }
        command = ["gunicorn", "--config", "gunicorn.conf.py", "--workers", str(self._workers)]
        with (self._instance / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command, "--preload", self._serves],
                cwd=ROOT,
                env=environ,
                stdout=self._output or output,
                stderr=self._output or output,
            )
        return self._process

    def signal(self, number: int, worker: int | None = None) -> None:
        """Send a signal to the master, or to a worker."""
        assert self._process is not None
        os.kill(worker or self._process.pid, number)

    def stop(self) -> None:
        """End the master in good order, and with it its workers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_S)
            self._process = None

    @property
    def output(self) -> str:
        """What master and workers printed."""
        return (self._instance / "output").read_text()

    def views(self) -> dict[int, WorkerView]:
        """Return every worker that is not dead, by pid."""
        views = WorkerFiles(self.settings.run_path).read()
        return {view.record.pid: view for view in views if view.state is not WorkerState.DEAD}

    def live(self) -> set[int]:
        """Return the pids of the workers that show signs of life."""
        views = self.views().items()
        return {pid for pid, view in views if view.state is WorkerState.LIVE}

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON body of a GET."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as found:
                return found.status, json.load(found)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def flask(self, *command: str) -> Result:
        """Run `flask …` as a process beside this one does: on the same folder alone."""
        app = create_app(self.settings)
        try:
            return app.test_cli_runner().invoke(args=command)
        finally:
            app.extensions["parts"].database.dispose()

    def why(self, user: int) -> dict[int, Any]:
        """Return what each worker answers about a user."""
        result = self.flask("rollout", "why", str(user), "--json")
        assert result.exit_code == 0, result.output
        return {int(pid): answer for pid, answer in json.loads(result.stdout)["workers"].items()}

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.output
        return len(self.live()) == self._workers
