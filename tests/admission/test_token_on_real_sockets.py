"""Production's own token at work: on sockets, on pages, and at its end."""

import time
from dataclasses import replace
from typing import Any

import jwt
import pytest

from app.settings import Settings
from app.settings_admission import TokenRules
from app.web.witness import Witness, doubt_about_admission
from tests.admission.signing import TOKEN, init_data_of
from tests.web.live import wait_until

RULES = TokenRules(key="a secret of the tests, and of nobody else", audience="shim")


def token(user: int, *, ends_in: float = 60.0) -> str:
    """Return a token that is good for so many seconds."""
    claims = {"sub": str(user), "aud": "shim", "exp": time.time() + ends_in}
    return jwt.encode(claims, RULES.key, algorithm="HS256")


@pytest.fixture
def service(serve: Any) -> Any:
    """Serve outside the demonstration, with the default mode: enforce."""
    with serve(demo=False, token_rules=RULES) as running:
        yield running


def test_a_token_signs_in_with_the_subscription_and_with_the_handshake(service: Any) -> None:
    """One more field of the old client's frame is enough, or a header."""
    with service.page() as page:
        assert page.subscribe(74, token=token(74)) == 74
    with service.page(token=token(74)) as page:
        assert page.subscribe(74) == 74
        page.say(type="subscribe", userId=10)
        assert page.closed_with() == 4403
    assert service.status_of(token=token(74, ends_in=-1)) == 401


def test_a_token_shows_the_page_and_its_session_ends_with_it(service: Any) -> None:
    """The session is good for no longer than the proof that began it."""
    shown = service.live.get("/u/74", Authorization=f"Bearer {token(74, ends_in=3)}")
    assert shown.status == 200
    cookie = shown.headers["Set-Cookie"].partition(";")[0]
    wait_until(lambda: service.live.get("/u/74", Cookie=cookie).status == 401)


@pytest.mark.parametrize("how", ["frame", "header", "session"])
def test_a_socket_ends_with_the_proof_that_opened_it(service: Any, how: str) -> None:
    """By a code after which production's pages and ours come back; then they need a new proof."""
    proof = token(74, ends_in=2)
    if how == "session":
        shown = service.live.get("/u/74", Authorization=f"Bearer {proof}")
        kept = {"cookie": shown.headers["Set-Cookie"].partition(";")[0]}
    else:
        kept = {"token": proof} if how == "header" else {}
    with service.page(**kept) as page:
        page.subscribe(74, **({"token": proof} if how == "frame" else {}))
        assert page.closed_with() == 3000
    with service.page() as page:
        assert page.subscribe(74, token=token(74)) == 74


def test_an_account_is_looked_up_without_holding_up_other_sockets(service: Any) -> None:
    """While the database lets one wait, the others are answered; it is told to come back."""
    people = service.live.parts.admission.people
    asked: list[Any] = []
    people.ask = lambda telegram_id, answer: asked.append(answer)
    with service.page() as waiting, service.page() as other:
        waiting.say(type="subscribe", userId=74, initData=init_data_of(74, at=time.time()))
        wait_until(lambda: bool(asked))
        waiting.say(type="ping", timestamp=1)
        assert waiting.hear("pong")["timestamp"] == 1
        assert other.subscribe(10, token=token(10)) == 10
        asked[0](74)
        assert waiting.hear("subscription_confirmed")["userId"] == 74


def test_report_only_says_who_would_be_turned_away_and_who_signed_in(serve: Any) -> None:
    """The old client is counted by the reason, and what held by its kind."""
    with serve(demo=False, admission="report-only", token_rules=RULES) as service:
        with service.page() as page:
            assert page.subscribe(74) == 74
        with service.page() as page:
            assert page.subscribe(74, token=token(74)) == 74
        with service.page() as page:
            assert page.subscribe(74, initData=init_data_of(74, at=time.time())) == 74
        counts = service.counts()
        assert counts["would_refuse"] == {"not_signed_in": 1}
        assert counts["signed_in"] == {"token": 1, "init_data": 1}
        wait_until(service.live.parts.settings.signed_in_file.exists)


def test_enforce_is_doubted_until_somebody_was_seen_to_sign_in(tmp_path: Any) -> None:
    """Each time with the next step; the demonstration and the other modes are let be."""
    settings = Settings(instance_path=tmp_path, database_url="sqlite:///app.db")
    doubt = doubt_about_admission(settings)
    assert doubt is not None
    assert doubt.startswith("nobody can sign in: set SHIM_BOT_TOKEN, SHIM_BOT_ID or SHIM_JWT_KEY")
    for proof in ({"bot_token": TOKEN}, {"bot_id": 1}, {"token_rules": RULES}):
        able = replace(settings, **proof)
        doubt = doubt_about_admission(able)
        assert doubt is not None
        assert "nobody was ever seen to sign in here" in doubt
        assert "SHIM_ADMISSION=report-only" in doubt
        for other in ({"admission": "report-only"}, {"admission": "off"}, {"demo": True}):
            assert doubt_about_admission(replace(able, **other)) is None
    witness = Witness(able.signed_in_file)
    witness()
    witness()
    wait_until(able.signed_in_file.exists)
    assert doubt_about_admission(able) is None
