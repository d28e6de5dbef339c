"""One real Unleash for a file of tests, both flags on it, and workers that follow it.

One that is missing fails the tests where CI is set, and skips them elsewhere.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result
from werkzeug.serving import make_server
from werkzeug.wrappers import Request

from app.factory import create_app
from app.settings import Settings
from app.unleash_setup import set_up
from flags.decision import CANONICAL_FLAG, MIGRATIONS
from scripts.unleash_server import (
    ADMIN_TOKEN,
    CLIENT_TOKEN,
    UnleashServer,
    unleash_on,
    unleash_programs,
)
from tests.application import Built
from tests.servers import present


@pytest.fixture(scope="module")
def unleash(request: pytest.FixtureRequest) -> Iterator[UnleashServer]:
    """Yield a running server."""
    present(unleash_programs)
    with unleash_on(request.getfixturevalue("postgres")) as server:
        yield server


class Relay:
    """An address that stays, as a load balancer's: passes what Unleash sends on to a host.

    Unleash looks for new webhooks once a minute, and tests make hosts more often than that.
    """

    def __init__(self) -> None:
        self.target = ""
        self.passed = 0
        self._server = make_server("127.0.0.1", 0, self._pass_on, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def stop(self) -> None:
        """Stop passing on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _pass_on(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sent = Request(environ)
        headers = {"Authorization": sent.headers.get("Authorization", "")}
        body = sent.get_data()
        try:
            answer = requests.post(self.target + sent.path, data=body, headers=headers, timeout=5)
        except requests.RequestException:  # that host has left
            start_response("502 nobody there", [("Content-Length", "0")])
        else:
            self.passed += 1
            start_response(f"{answer.status_code} passed on", [("Content-Length", "0")])
        return []


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """Yield the address that Unleash sends its events to."""
    relay = Relay()
    yield relay
    relay.stop()


class Host:
    """A host with one worker, in this process, which Unleash can reach."""

    def __init__(self, settings: Settings) -> None:
        self.built = Built(create_app(settings))
        self.url = ""

    @property
    def percentage(self) -> int:
        """What the worker's calls are routed by."""
        flags = self.built.parts.migration.table.flags
        definition = flags.definition(CANONICAL_FLAG)
        return definition.percentage if definition is not None and definition.enabled else 0

    @property
    def revision(self) -> int:
        """The revision that the worker's calls are routed by."""
        return self.built.parts.migration.table.flags.revision

    def start(self) -> None:
        """Start the worker."""
        self._server = make_server("127.0.0.1", 0, self.built.app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.built.parts.runtime.start()

    def stop(self) -> None:
        """Stop the worker."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.built.parts.runtime.stop()
        self.built.parts.database.dispose()

    def run(self, *arguments: str) -> Result:
        """Run `flask …` as an operator on this host."""
        result: Result = self.built.run(*arguments)
        return result

    def operator(self, *arguments: str) -> Result:
        """Run `flask …` in a process of its own memory: parts that were not started."""
        command = Built(create_app(self.built.parts.settings))
        try:
            found: Result = command.run(*arguments)
            return found
        finally:
            command.parts.database.dispose()


Start = Callable[..., Host]


@pytest.fixture
def start(unleash: UnleashServer, tmp_path: Path, seeded: bytes) -> Iterator[Start]:
    """Yield what starts hosts on folders of their own; they are stopped."""
    hosts: list[Host] = []

    def start(**changes: Any) -> Host:
        instance = tmp_path / f"host-{len(hosts)}"
        instance.mkdir()
        (instance / "app.db").write_bytes(seeded)
        settings = Settings(
            instance_path=instance,
            database_url="sqlite:///app.db",
            schedulers=False,
            unleash_url=unleash.url,
            unleash_client_token=CLIENT_TOKEN,
            unleash_admin_token=ADMIN_TOKEN,
            secret_key="the same on every host, and long",
        )
        host = Host(replace(settings, **changes))
        hosts.append(host)
        host.start()
        return host

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture
def at(unleash: UnleashServer) -> Callable[[int], int]:
    """Return what turns a canonical flag in Unleash itself, and returns the new revision.

    All flags are on at 0 % before.
    """
    list(set_up(unleash.api, None))

    def turn(percentage: int, *, on: bool = True, flag: str = CANONICAL_FLAG) -> int:
        there = unleash.api.flag(flag)
        assert there is not None
        strategy = there.strategies[0]
        strategy["parameters"]["rollout"] = str(percentage)
        unleash.api.replace_strategy(flag, strategy["id"], strategy)
        unleash.api.switch(flag, on=on)
        return unleash.api.newest_event(flag)

    for extra in unleash.api.flag(CANONICAL_FLAG).strategies[1:]:  # type: ignore[union-attr]
        unleash.api.remove_strategy(CANONICAL_FLAG, extra["id"])
    for pair in MIGRATIONS:
        turn(0, flag=pair.canonical)
    return turn
