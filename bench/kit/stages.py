"""What one push costs this project's server, stage by stage, in time of the server's core.

    python -m bench.kit.stages BROWSERS SERVER_CORE CLIENT_CORE

The stages are the server's own functions, one after the other on one thread: each for all
browsers, then the next, so that a clock is read once for so many calls. The last one sends over
real connections of the loopback interface, which another process reads. What the stages lack of
a whole push is what it costs that the caller and the I/O thread take turns.
"""

import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import msgspec

from app.notifications.connections import BrowserConnection
from app.web.frames import Frames
from app.web.sending import send_each
from bench.peers.words import Account

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 40
RECEIVE_BYTES = 1 << 16
STAGES = ("put into words", "hand over", "take and frame", "send")

Done = TypeVar("Done")
Costs = dict[str, float]


def cost_of_stages(browsers: int, *, server: int, clients: int) -> Costs:
    """Return the microseconds of each stage, measured in a process of its own on these cores."""
    command = [sys.executable, "-m", "bench.kit.stages", *map(str, (browsers, server, clients))]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    costs: Costs = json.loads(done.stdout)
    return costs


def measure(numbers: list[int]) -> Costs:
    """Return the microseconds of each stage, medians, for sockets with these file numbers."""
    encode, build = msgspec.json.Encoder().encode, Frames().build
    accounts = [Account(user_id) for user_id in range(1, len(numbers) + 1)]
    connections = [BrowserConnection(str(a.user_id), _nothing) for a in accounts]
    spent: dict[str, list[float]] = {stage: [] for stage in STAGES}

    def words() -> list[str]:
        for account in accounts:
            account.book()
        return [encode(account.message()).decode() for account in accounts]

    def hand_over() -> None:
        for connection, text in zip(connections, texts, strict=True):
            connection.send(text)

    for _ in range(ROUNDS):
        texts = _timed(spent["put into words"], words)
        _timed(spent["hand over"], hand_over)
        frames = _timed(spent["take and frame"], lambda: [build(c.take()) for c in connections])
        pairs = list(zip(numbers, frames, strict=True))
        sent = _timed(spent["send"], lambda pairs=pairs: send_each(pairs))
        if sent != [len(frame) for frame in frames]:
            sys.exit("the reader is too slow: nothing was measured")
    return {stage: statistics.median(times) * 1e6 / len(numbers) for stage, times in spent.items()}


def read(port: int, browsers: int, core: int) -> None:
    """Be all browsers: read until the server has closed every connection."""
    os.sched_setaffinity(0, {core})
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(browsers):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            selector.register(one, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                if not key.fileobj.recv(RECEIVE_BYTES):
                    selector.unregister(key.fileobj)


def main(browsers: int, server: int, clients: int) -> None:
    """Measure, and print the microseconds as JSON."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=browsers))
        arguments = ["read", str(listener.getsockname()[1]), str(browsers), str(clients)]
        command = [sys.executable, "-m", "bench.kit.stages", *arguments]
        stack.enter_context(subprocess.Popen(command, cwd=ROOT))
        os.sched_setaffinity(0, {server})
        accepted = stack.enter_context(ExitStack())
        sockets = [accepted.enter_context(listener.accept()[0]) for _ in range(browsers)]
        for one in sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(json.dumps(measure([one.fileno() for one in sockets])))


def _timed(times: list[float], act: Callable[[], Done]) -> Done:
    begun = time.thread_time()
    done = act()
    times.append(time.thread_time() - begun)
    return done


def _nothing() -> None:
    """Wake nobody: this thread takes what waits itself."""


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(*map(int, sys.argv[2:]))
    else:
        main(*map(int, sys.argv[1:]))
