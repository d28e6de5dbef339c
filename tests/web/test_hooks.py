"""The webhook of Unleash: who is let in, what is taken, and what it costs."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.factory import create_app
from app.settings import Settings
from app.settings_guard import GuardSettings
from app.web.hooks import MOST_BYTES, PATH, hook_token
from flags.decision import CANONICAL_FLAG
from tests.flags.fake_unleash import TOKEN, FakeUnleash, eventually
from tests.patience import patient

HOOK_TOKEN = "a token that is long enough, 12345"


@pytest.fixture
def server() -> Iterator[FakeUnleash]:
    """Yield a flag server at 1 %, revision 10."""
    server = FakeUnleash()
    server.holds(canonical=1, revision=10)
    server.start()
    yield server
    server.stop()


@contextmanager
def worker(server: FakeUnleash, folder: Path, **changes: Any) -> Iterator[Flask]:
    """Yield a started worker that follows that server."""
    settings = Settings(
        instance_path=folder,
        database_url="sqlite:///app.db",
        schedulers=False,
        unleash_url=server.url,
        unleash_client_token=TOKEN,
        hook_token=HOOK_TOKEN,
    )
    app = create_app(replace(settings, **changes))
    parts = app.extensions["parts"]
    parts.runtime.start()
    try:
        yield app
    finally:
        parts.runtime.stop()
        parts.database.dispose()


@pytest.fixture
def app(server: FakeUnleash, tmp_path: Path) -> Iterator[Flask]:
    """Yield a worker with the usual settings."""
    with worker(server, tmp_path) as app:
        yield app


def post(app: Flask, body: object, *, token: str = HOOK_TOKEN) -> tuple[int, str]:
    """Return status and text of the answer to a hook."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = app.test_client().post(PATH, data=data, headers={"Authorization": token})
    return answer.status_code, answer.text


def percentage(app: Flask) -> int:
    """Return what calls are routed by."""
    found = app.extensions["parts"].migration.table.flags.definition(CANONICAL_FLAG)
    return int(found.percentage)


def test_a_hook_hurries_the_worker_to_the_events_revision(app: Flask, server: FakeUnleash) -> None:
    """The answer comes at once; the flags follow long before the next poll would be due."""
    eventually(lambda: percentage(app) == 1)
    server.holds(canonical=5, revision=11)
    began = time.monotonic()
    assert post(app, {"id": 11, "type": "feature-strategy-update"})[0] == 202
    eventually(lambda: percentage(app) == 5, within=5)
    assert time.monotonic() - began < patient(5)


def test_a_step_of_the_ramp_in_the_settings_is_no_surprise(
    server: FakeUnleash, tmp_path: Path
) -> None:
    """What may be raised in Unleash without a word follows SHIM_RAMP, and so does what may not."""
    with worker(server, tmp_path, guard=GuardSettings(steps=(1, 40, 100))) as app:
        server.holds(canonical=40, revision=11)
        post(app, {"id": 11})
        eventually(lambda: percentage(app) == 40)
        server.holds(canonical=0, revision=12)
        post(app, {"id": 12})
        eventually(lambda: percentage(app) == 0)
        server.holds(canonical=5, revision=13)
        post(app, {"id": 13})
        provider = app.extensions["parts"].provider
        surprise = "from 0 % to 5 %, past the next step of the ramp, 1 %"
        eventually(lambda: surprise in str(provider.problem))
        assert provider.held
        assert percentage(app) == 0


@pytest.mark.parametrize("token", ["", "wrong", HOOK_TOKEN[:-1], HOOK_TOKEN + "x", "\u00e4"])
def test_nobody_gets_in_without_the_token(app: Flask, server: FakeUnleash, token: str) -> None:
    """401, and the flag server is not asked for it; nothing of the token is said."""
    status, text = post(app, {"id": 10**6}, token=token)
    assert status == 401
    assert HOOK_TOKEN not in text
    assert app.extensions["parts"].flag_hints.told == 0


def test_the_token_may_come_as_a_bearer(app: Flask) -> None:
    """Some write the scheme in front of it, as HTTP has it."""
    assert post(app, {"id": 11}, token=f"Bearer {HOOK_TOKEN}")[0] == 202


@pytest.mark.parametrize(
    "body", [{}, [], 5, None, {"id": "11"}, {"id": True}, {"id": 0}, {"id": -1}, {"id": 2**70}]
)
def test_what_is_no_event_is_refused(app: Flask, body: object) -> None:
    """400, in words; nobody asks for anything."""
    status, text = post(app, body)
    assert (status, "no event of Unleash" in text) == (400, True)
    assert app.extensions["parts"].flag_hints.told == 0


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"x":' * 50_000])
def test_what_is_no_json_is_refused(app: Flask, body: bytes) -> None:
    """400 as well, whatever the bytes are."""
    assert post(app, body)[0] == 400


def test_a_hook_that_is_too_long_is_refused(app: Flask) -> None:
    """413, before it is read as anything."""
    assert post(app, b" " * (MOST_BYTES + 1))[0] == 413


def test_500_hooks_cost_at_most_ten_questions(app: Flask, server: FakeUnleash) -> None:
    """Whatever their numbers, they are answered together."""
    eventually(lambda: percentage(app) == 1)
    server.holds(canonical=5, revision=511)
    asked = server.questions
    for number in range(12, 512):
        assert post(app, {"id": number})[0] == 202
    eventually(lambda: percentage(app) == 5)
    assert server.questions - asked <= 10


def test_another_worker_of_the_host_is_told_by_a_file(
    app: Flask, server: FakeUnleash, tmp_path: Path
) -> None:
    """The worker that took the hook writes it down; the other one asks at its next look."""
    hint = app.extensions["parts"].settings.flag_hint_file
    assert post(app, {"id": 11})[0] == 202
    assert json.loads(hint.read_text()) == {"revision": 11}
    asked = server.questions
    hint.write_text('{"revision": 12}\n')
    eventually(lambda: server.questions >= asked + 3, within=2)


def test_flags_from_a_file_have_no_hook(tmp_path: Path) -> None:
    """Without Unleash the address answers 404 and says why."""
    app = create_app(Settings(instance_path=tmp_path, database_url="sqlite:///app.db"))
    status, text = post(app, {"id": 1})
    assert status == 404
    assert "UNLEASH_URL is not set" in text
    app.extensions["parts"].database.dispose()


def test_the_token_follows_from_the_signing_key_unless_it_is_set(tmp_path: Path) -> None:
    """The same key gives the same token on every host, and another key another one."""
    one = Settings(
        instance_path=tmp_path,
        database_url="sqlite:///app.db",
        secret_key="one key of all hosts" * 2,
    )
    assert hook_token(one) == hook_token(replace(one, instance_path=tmp_path / "other"))
    assert hook_token(one) != hook_token(replace(one, secret_key="another key of all hosts" * 2))
    assert hook_token(replace(one, hook_token=HOOK_TOKEN)) == HOOK_TOKEN
