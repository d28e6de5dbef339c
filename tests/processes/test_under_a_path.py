"""A service behind a proxy that puts it under a path, told so as gunicorn is told."""

import json
import re
import time
import urllib.request
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.admission.signing import TOKEN, init_data_of
from tests.processes.gunicorn import Gunicorn

pytestmark = pytest.mark.processes

UNDER = {"SCRIPT_NAME": "/balance"}


def test_page_and_socket_lie_under_the_path_that_a_proxy_names(tmp_path: Path) -> None:
    """The page's files are there, its cookie holds there, and with it the socket takes its user."""
    gunicorn = Gunicorn(tmp_path, workers=1, environ={"SHIM_BOT_TOKEN": TOKEN})
    assert gunicorn.flask("demo", "prepare").exit_code == 0
    with gunicorn as server:
        proof = f"tma {init_data_of(74, at=time.time())}"
        page, cookie = fetched(server, "/balance/u/74", Authorization=proof)
        files = re.findall(r'(?:href|src)="([^"#]+)"', page)
        assert files
        for each in files:
            assert each.startswith("/balance/")
            assert fetched(server, each)[0]
        session, _, holds = (cookie or "").partition("; ")
        assert "Path=/balance" in holds.split("; ")
        with connect(
            f"ws://127.0.0.1:{server.port}/balance/ws",
            origin=Origin(server.url),
            additional_headers={**UNDER, "Cookie": session},
        ) as socket:
            socket.send('{"type":"subscribe","userId":74}')
            said = [json.loads(socket.recv(timeout=60))["type"] for _ in range(2)]
        assert said == ["connection_established", "subscription_confirmed"]


def fetched(server: Gunicorn, path: str, **headers: str) -> tuple[str, str | None]:
    """Return the body of an answer, and the cookie that it sets."""
    asked = urllib.request.Request(server.url + path, headers={**UNDER, **headers})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.read().decode(), answer.headers["Set-Cookie"]
