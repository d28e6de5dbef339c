"""What a worker writes down in a whole run: nothing that somebody said, and no secret."""

import json
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.admission.signing import OTHER_TOKEN, TOKEN, init_data_of
from tests.processes.gunicorn import Gunicorn

pytestmark = pytest.mark.processes

MARK = "said-by-a-browser"
SECRET = "a key of this test and of no other"


def say(server: Gunicorn, frames: list[str | bytes], **headers: str) -> None:
    """Open a socket as the app does, say all of it, and read until the server closes or is done."""
    url = f"http://127.0.0.1:{server.port}"
    with (
        suppress(WebSocketException),
        connect(
            f"{url.replace('http', 'ws', 1)}/ws",
            origin=url,
            additional_headers=headers,
            compression=None,
        ) as socket,
    ):
        for frame in frames:
            socket.send(frame)
        with suppress(TimeoutError):
            while True:
                socket.recv(timeout=0.5)


def subscribe(proof: str) -> str:
    """Return the frame that subscribes with this proof."""
    return json.dumps({"type": "subscribe", "userId": 74, "initData": proof, "note": MARK})


def test_no_token_and_no_frame_is_in_the_log_of_a_run(tmp_path: Path) -> None:
    """Good and bad proof, in frames and headers, frames of every bad kind, and a rollback."""
    good = init_data_of(74, at=time.time())
    bad = init_data_of(74, at=time.time(), token=OTHER_TOKEN)
    environ = {"SHIM_BOT_TOKEN": TOKEN, "SHIM_SECRET_KEY": SECRET}
    gunicorn = Gunicorn(tmp_path, workers=1, environ=environ)
    for command in (
        ("demo", "prepare"),
        ("rollout", "set", "100", "--force", "--reason", "a leap"),
        ("rollout", "shadow", "100"),
    ):
        assert gunicorn.flask(*command).exit_code == 0
    with gunicorn as server:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{server.port}/u/74", headers={"Authorization": f"tma {good}"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
        say(server, [subscribe(good), f'{{"type":"ping","timestamp":"{MARK}"}}'])
        say(server, [subscribe(bad)])
        say(server, [], Authorization=f"tma {bad}")
        say(server, [f"<{MARK}>", f'{{"type":"{MARK}"}}', MARK.encode()], Cookie=cookie)
        say(server, [MARK * 10_000], Cookie=cookie)
        say(server, [f'"{MARK}"'] * 100, Cookie=cookie)
        assert gunicorn.flask("rollout", "rollback", "--reason", "the end").exit_code == 0
    logs = "".join(path.read_text() for path in (tmp_path / "log").glob("*"))
    heard = gunicorn.output + logs
    assert "admission_refused" in heard
    assert "shadow_counts" in logs
    secrets = (MARK, TOKEN, TOKEN[11:], SECRET, good, good[-64:], bad[-64:], cookie[8:])
    assert [secret for secret in secrets if secret in heard] == []
