"""Unleash's admin API when it is another service, a page in between, slow, or cut off."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.adapters.unleash_api import HttpUnleashApi, Place
from app.factory import create_app
from app.settings import Settings
from flags.body import flag_feature, flag_strategy
from flags.decision import FLAG_NAMES
from flags.unleash_api import UnleashRefusedError, UnleashUnknownError
from tests.application import Built
from tests.flags.fake_unleash import BlackHole
from tests.patience import patient

ADMIN = "*:*.a-token-that-is-long"

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers everything in the same way."""

    def do_GET(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.answer(self)  # type: ignore[attr-defined]

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that are looked for

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def say(self, status: int, body: bytes) -> None:
        """Send an answer."""
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)


class Server:
    """An address that answers as it is told to."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.api = HttpUnleashApi(self.url, ADMIN, Place("default", "development"))

    def answers(self, answer: Answer) -> None:
        """Answer so from now on."""
        self._server.answer = answer  # type: ignore[attr-defined]

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """Yield the address."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def operator(server: Server, tmp_path: Path) -> Iterator[Built]:
    """Yield the command line of somebody who works with that address."""
    settings = Settings(
        instance_path=tmp_path,
        database_url="sqlite:///app.db",
        schedulers=False,
        unleash_url=server.url,
        unleash_client_token="default:development.a-client-token",
        unleash_admin_token=ADMIN,
    )
    built = Built(create_app(settings))
    yield built
    built.parts.database.dispose()


STRATEGIES = {"enabled": True, "strategies": [{"name": "flexibleRollout"}], "archived": False}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in (b"{}", b"[]", b"null", b"", b'"x"', b"<html>", b"[" * 100_000)),
        (200, json.dumps(STRATEGIES).encode()),
        (200, b'{"enabled":true,"strategies":[1],"addons":[1],"events":[1]}'),
        (302, b""),
        (304, b""),
        (400, b'{"details":5}'),
        (429, b"[]"),
    ],
)
def test_what_is_no_answer_of_unleash_is_said_in_words(
    operator: Built, server: Server, status: int, body: bytes
) -> None:
    """No command ends with a traceback, whatever the address answers."""
    server.answers(lambda handler: handler.say(status, body))
    hook = ("--hook", "http://127.0.0.1:9")
    for command in (
        ("unleash", "setup", *hook),
        ("unleash", "doctor", *hook),
        ("rollout", "set", "1"),
        ("rollout", "off"),
        ("rollout", "cohort", "list"),
        ("rollout", "confirm"),
    ):
        result = operator.run(*command)
        assert isinstance(result.exception, SystemExit), (command, result.exc_info)
        assert result.exit_code in (1, 3), (command, result.output)
        assert ADMIN not in result.output


@pytest.mark.parametrize("status", [500, 502, 504, 520, 524])
def test_what_was_cut_off_is_unknown(server: Server, status: int) -> None:
    """Whoever stands in between and got no answer does not know either what was done."""
    server.answers(lambda handler: handler.say(status, b"oops"))
    with pytest.raises(UnleashUnknownError, match=str(status)):
        server.api.switch("a-flag", on=True)


def test_a_change_that_is_answered_with_a_page_is_unknown(server: Server) -> None:
    """It was let through by somebody in between, who hid what Unleash said."""
    server.answers(lambda handler: handler.say(200, b"<html>"))
    with pytest.raises(UnleashUnknownError):
        server.api.switch("a-flag", on=True)
    with pytest.raises(UnleashRefusedError):
        server.api.newest_event("a-flag")


def drip(handler: Handler) -> None:
    """Send a byte now and then, for half a minute."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(150):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.2)


def test_an_answer_that_drips_is_given_up_as_unknown(server: Server) -> None:
    """No timeout between two bytes ends it, and no operator waits for the last one."""
    server.answers(drip)
    began = time.monotonic()
    with pytest.raises(UnleashUnknownError):
        server.api.switch("a-flag", on=True)
    assert time.monotonic() - began < patient(10)


def operators_settings(folder: Path, url: str) -> Settings:
    """Return settings with which commands may change the flags of that server."""
    return Settings(
        instance_path=folder,
        database_url="sqlite:///app.db",
        unleash_url=url,
        unleash_client_token="default:development.a-client-token",
        unleash_admin_token=ADMIN,
    )


def test_a_step_of_the_setup_without_an_answer_is_unknown(tmp_path: Path) -> None:
    """It is not said to have failed, and that running it again does no harm is."""
    hole = BlackHole()
    operator = Built(create_app(operators_settings(tmp_path, hole.url)))
    result = operator.run("unleash", "setup")
    assert (result.exit_code, "unknown whether" in result.output) == (3, True), result.output
    assert "run it again" in result.output
    operator.parts.database.dispose()
    hole.close()


def well(handler: Handler) -> None:
    """Answer as an Unleash that has all flags as they should be."""
    name = handler.path.split("/features/")[-1].split("/")[0]
    features = [flag_feature(each, percentage=0) for each in FLAG_NAMES]
    strategies = [{"id": "1", **flag_strategy(name, percentage=0)}]
    answer: dict[str, object] = {"enabled": True, "strategies": strategies}
    if handler.path.endswith("/client/features"):
        answer = {"version": 2, "meta": {"revisionId": 1}, "features": features}
    handler.say(200, json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("bus", "found"),
    [
        (None, "nothing is wrong\n"),
        ("redis://127.0.0.1:9/0", "workers of other hosts cannot be seen: the workers in Redis"),
    ],
)
def test_the_doctor_says_when_it_cannot_see_the_workers(
    server: Server, tmp_path: Path, bus: str | None, found: str
) -> None:
    """Whom it did not see may follow anything, so nothing is not what is wrong."""
    server.answers(well)
    settings = replace(
        operators_settings(tmp_path, server.url),
        notify_bus_url=bus,
        secret_key="a key that all hosts share" * 2,
    )
    operator = Built(create_app(settings))
    result = operator.run("unleash", "doctor")
    assert result.output.startswith(found)
    assert result.exit_code == (0 if bus is None else 1)
    operator.parts.database.dispose()


def test_the_doctor_makes_no_key_to_look_at_a_webhook(server: Server, tmp_path: Path) -> None:
    """No webhook has a token of a key made now: a mistyped folder is named, and stays as it was."""
    server.answers(well)
    folder = tmp_path / "mistyped"
    folder.mkdir()
    operator = Built(create_app(operators_settings(folder, server.url)))
    look = ("unleash", "doctor", "--hook", "https://app.example")
    strange = operator.run(*look)
    assert strange.exit_code == 3
    assert f"SHIM_INSTANCE is '{folder}'" in strange.output
    assert list(folder.iterdir()) == []
    (folder / "flags.json").write_text("{}")
    without_key = operator.run(*look)
    assert without_key.exit_code == 3
    assert "secret.key is not there" in without_key.output
    assert not (folder / "secret.key").exists()
    operator.parts.database.dispose()
