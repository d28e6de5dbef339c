"""Under which names the demonstration is reached, and under which path."""

import json
import re
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.settings import Settings
from app.web.hosts import is_ours
from tests.web.live import Live, serving

PREFIX = "/balance"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        *((host, True) for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000")),
        *((host, True) for host in ("10.1.2.3:80", "app.localhost", "web-1", "localhost.:8000")),
        *((host, True) for host in ("app.example", "APP.example:8443")),
        *((host, False) for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example")),
        *((host, False) for host in ("", ":80", "[", "[::1", "localhost.evil.example", "1.2")),
    ],
)  # fmt: skip
def test_addresses_and_our_own_names_are_ours_and_no_other(host: str, ours: bool) -> None:
    """A name that somebody lets point to us is theirs, whatever is in it."""
    settings = Settings(
        instance_path=Path("/x"),
        database_url="sqlite:///app.db",
        host_name="web-1",
        origins=("https://app.example",),
    )
    assert is_ours(host, settings) == ours


def test_the_demonstration_answers_nobody_under_a_foreign_name(live: Live) -> None:
    """Neither pages nor orders nor sockets, though to a browser all is of one origin."""
    port = live.url.rpartition(":")[2]
    foreign = {"Host": f"evil.example:{port}"}
    for path in ("/", "/u/74", "/look/state.json", "/static/js/look.js"):
        answer = live.get(path, **foreign)
        assert (answer.status, "SHIM_ORIGINS" in answer.text) == (421, True)
    assert live.get("/healthz", **foreign).status == 200
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(
            f"ws://127.0.0.1:{port}/ws",
            origin=f"http://evil.example:{port}",  # type: ignore[arg-type]
            additional_headers=foreign,
        ),
    ):
        pass
    assert refused.value.response.status_code == 421


def test_a_service_that_is_no_demonstration_is_reached_under_any_name(tmp_path: Path) -> None:
    """A proxy may call it as it likes; what it shows takes a proof."""
    with serving(tmp_path, demo=False) as live:
        assert live.get("/u/74", Host="evil.example").status == 401


def test_every_address_of_a_page_lies_under_the_prefix(live: Live) -> None:
    """Pages, their files and the cookie; scripts build theirs from where they lie themselves."""
    client = live.app.test_client()
    for path in ("/", "/u/74"):
        answer = client.get(path, environ_overrides={"SCRIPT_NAME": PREFIX})
        addresses = re.findall(r'(?:href|src)="([^"#]+)"', answer.text)
        assert addresses
        assert [each for each in addresses if not each.startswith(f"{PREFIX}/")] == []
        assert f"Path={PREFIX};" in answer.headers["Set-Cookie"]
    scripts = Path("app/static/js")
    absolute = re.compile(r"""[("'`]/(?:ws|look|u|static)\b""")
    assert [path for path in scripts.glob("*.js") if absolute.search(path.read_text())] == []
    assert json.loads(client.get("/look/state.json").text)["users"]
