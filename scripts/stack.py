"""Start all of it on this machine: `.venv/bin/python scripts/stack.py`.

A real PostgreSQL, a real Redis, a real Unleash, two hosts of the application with two workers
each on ports of their own, and a load of browsers. Ctrl+C ends it. What the servers kept is gone
then.
"""

import argparse
import secrets
import shlex
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.demo import PACE
from scripts.browsers import Browsers
from scripts.hosts import Host
from scripts.servers import (
    MissingServerError,
    PostgresServer,
    RedisServer,
    postgres_package,
    redis_program,
)
from scripts.unleash_server import ADMIN_TOKEN, CLIENT_TOKEN, unleash_on

NAMES = ("host-a", "host-b")
WORKERS = 2
REPORT_S = 5.0
BEGINNING = (
    ("rollout", "shadow", "100"),
    ("rollout", "set", "50", "--force", "--reason", "to see it at work"),
)
"""What is ordered first: at 0 % production's fault is what there is to see, and no more."""


def main() -> None:
    """Start everything, say what can be typed, and go on until it is enough."""
    options = _arguments()
    signal.signal(signal.SIGTERM, _as_interrupt)
    with ExitStack() as stack:
        try:
            shared = _servers(stack)
        except MissingServerError as error:
            sys.exit(str(error))
        hosts = _hosts(stack, options.folder, options.port, shared)
        browsers = Browsers([host.url for host in hosts], pages=options.pages)
        stack.callback(browsers.stop)
        browsers.start()
        _explain(hosts)
        try:
            _begin(hosts[0])
            _go_on(browsers, hosts, options.seconds)
        except KeyboardInterrupt:
            print("ending", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Start two hosts and what they share.")
    parser.add_argument("--folder", type=Path, default=Path("instance") / "stack")
    parser.add_argument("--port", type=int, default=8001, help="of the first host; + 1 each")
    parser.add_argument("--pages", type=int, default=24, help="pages that stay open")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    return parser.parse_args()


def _servers(stack: ExitStack) -> dict[str, str]:
    """Start what the hosts share; return the settings that name it. Raises MissingServerError."""
    postgres, redis = PostgresServer(postgres_package()), RedisServer(redis_program())
    for server in (postgres, redis):
        stack.callback(server.stop)
        server.start()
    unleash = stack.enter_context(unleash_on(postgres))
    print(f"Unleash: look at {unleash.url}/ (admin, unleash4all)", flush=True)
    return {
        "UNLEASH_URL": unleash.url,
        "UNLEASH_CLIENT_TOKEN": CLIENT_TOKEN,
        "UNLEASH_ADMIN_TOKEN": ADMIN_TOKEN,
        "DATABASE_URL": postgres.url(postgres.create_database()),
        "NOTIFY_BUS_URL": redis.url,
        "SHIM_SECRET_KEY": secrets.token_hex(),
    }


def _hosts(stack: ExitStack, folder: Path, port: int, shared: dict[str, str]) -> list[Host]:
    """Start both hosts, and return when all workers are ready."""
    hosts = [
        Host(
            (folder / name).absolute(),
            name=name,
            workers=WORKERS,
            environ={**PACE, **shared},
            port=port + number,
        )
        for number, name in enumerate(NAMES)
    ]
    for host in hosts:
        host.prepare()
    hosts[0].flask("unleash", "setup", "--hook", hosts[0].url)
    for host in hosts:
        stack.callback(host.stop)
        host.start()
    for host in hosts:
        host.wait_until_ready()
    return hosts


def _begin(host: Host) -> None:
    """Give the first orders as an operator does, and show what each says."""
    for command in BEGINNING:
        print(f"$ flask {' '.join(command)}", flush=True)
        done = host.run_flask(*command)
        print(done.stdout + done.stderr, end="", flush=True)


def _explain(hosts: list[Host]) -> None:
    """Say where to look, and how to give an order on each host."""
    for host in hosts:
        commands = host.folder / "settings.sh"
        given = (f"export {name}={shlex.quote(value)}" for name, value in host.given.items())
        commands.touch(mode=0o600)  # it holds the key
        commands.write_text("\n".join(given) + "\n")
        print(f"{host.name}: look at {host.url}/, and for its command line run")
        print(f"  . {commands}; .venv/bin/flask rollout status", flush=True)


def _go_on(browsers: Browsers, hosts: list[Host], seconds: float) -> None:
    """Say now and then what the pages were told, until the time is over."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(REPORT_S, left))
        workers = sum(len(host.live()) for host in hosts)
        print(
            f"{workers} workers live, {browsers.open} pages open, {browsers.frames} balances shown",
            flush=True,
        )


def _as_interrupt(number: int, frame: object) -> None:
    """End in good order when asked to by a signal."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
