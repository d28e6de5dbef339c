"""Who is let in and who is turned away, on real sockets."""

import json

import pytest
import structlog

from tests.admission.conftest import now
from tests.admission.signing import OTHER_TOKEN, TOKEN, init_data, init_data_of, signed

FOREIGN = [
    "https://evil.example",
    "null",
    None,
    "{own}.evil.example",
    "{own}0",
    "{own}/",
    "https{own}",
    "http://localhost",
]


def foreign(service, origin):
    """Return a foreign origin made of the service's own."""
    return None if origin is None else origin.replace("{own}", service.own_origin)


def test_a_page_listens_to_its_own_user(service):
    """The session that came with the page says whose it is."""
    with service.page(cookie=service.cookie_of(74)) as page:
        assert page.subscribe(74) == 74
        page.say(type="ping", timestamp=1)
        assert page.hear("pong")["timestamp"] == 1


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_gets_no_socket(service, origin):
    """Foreign, null, missing, with something before or after: 403, with a good session or not."""
    cookie = service.cookie_of(74)
    assert service.status_of(origin=foreign(service, origin), cookie=cookie) == 403
    why = "origin_missing" if origin is None else "origin_foreign"
    assert service.counts()["refused"] == {why: 1}


@pytest.mark.parametrize(("mode", "counted"), [("report-only", 1), ("off", 0)])
def test_other_modes_let_foreign_pages_in(serve, mode, counted):
    """Report-only counts them; off does not look."""
    with serve(admission=mode) as service:
        for origin in FOREIGN:
            with service.page(origin=foreign(service, origin)) as page:
                assert page.subscribe(74) == 74
        counts = service.counts()["would_refuse"]
        assert sum(v for why, v in counts.items() if "origin" in why) == counted * len(FOREIGN)
        assert counts.get("not_signed_in", 0) == counted * len(FOREIGN)


def test_listed_origins_are_let_in_and_no_other(serve):
    """A list replaces the service's own address."""
    with serve(origins=("https://app.example", "https://web.example:8443")) as service:
        cookie = service.cookie_of(74)
        for origin in ("https://app.example", "https://web.example:8443"):
            with service.page(origin=origin, cookie=cookie) as page:
                assert page.subscribe(74) == 74
        for origin in ("own", "https://app.example:443", "http://app.example"):
            assert service.status_of(origin=origin, cookie=cookie) == 403


def test_somebody_elses_balance_closes_with_4403(service):
    """A valid session is good for its own user alone."""
    with service.page(cookie=service.cookie_of(74)) as page:
        page.say(type="subscribe", userId=75)
        assert page.closed_with() == 4403


def test_somebody_elses_balance_as_second_subscription_closes_too(service):
    """And the first registration is gone with the socket."""
    canonical = service.live.parts.reach.canonical
    with service.page(cookie=service.cookie_of(74)) as page:
        page.subscribe(74)
        page.say(type="subscribe", userId=10)
        assert page.closed_with() == 4403
        assert canonical.connections_of(10) == ()
    service.wait_until_empty()
    assert canonical.get_connection_stats().connections == 0


def test_whoever_is_not_signed_in_is_closed_with_4401(service):
    """A bare user id, as old clients send it, is no longer enough."""
    with service.page() as page:
        page.say(type="subscribe", userId=74)
        assert page.closed_with() == 4401


@pytest.mark.parametrize("cookie", ["session=", "session=e30.x.y", "session={forged}"])
def test_a_session_that_we_did_not_sign_is_none(service, cookie):
    """Changed by a single character, or made up."""
    real = service.cookie_of(74)
    forged = real.removeprefix("session=")
    forged = forged[:-1] + ("A" if forged[-1] != "A" else "B")
    with service.page(cookie=cookie.replace("{forged}", forged[:-2] + "zz")) as page:
        page.say(type="subscribe", userId=74)
        assert page.closed_with() == 4401


def test_init_data_is_a_sign_in_with_the_subscription(service):
    """As the app inside Telegram has it; a user of ours need not have opened a page."""
    with service.page() as page:
        assert page.subscribe(74, initData=init_data_of(74, at=now())) == 74


def test_init_data_is_a_sign_in_with_the_handshake(service):
    """For clients that can set a header."""
    with service.page(init_data=init_data_of(74, at=now())) as page:
        assert page.subscribe(74) == 74


def test_an_account_whose_number_is_a_users_id_is_not_that_user(service):
    """Telegram's 74 is somebody else, whom nobody here knows."""
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData=init_data(74, at=now()))
        assert page.closed_with() == 4401
    assert service.status_of(init_data=init_data(74, at=now())) == 401
    assert service.counts()["refused"] == {"init_data_of_no_user": 2}


def bad_init_data():
    """Return each kind of init data that proves nothing."""
    good = init_data_of(74, at=now())
    return {
        "tampered": good.replace("Somebody", "Somebodx"),
        "of another user": init_data_of(75, at=now()).replace("75", "74"),
        "expired": init_data_of(74, at=now() - 86_500),
        "from the future": init_data_of(74, at=now() + 120),
        "with a key twice": good + "&auth_date=1",
        "with the user twice": "user=%7B%22id%22%3A74%7D&" + good,
        "without hash": good.partition("&hash=")[0],
        "of another bot": init_data_of(74, at=now(), token=OTHER_TOKEN),
        "without a user": signed({"auth_date": str(int(now()))}),
        "empty": "",
    }


@pytest.mark.parametrize("kind", bad_init_data())
def test_init_data_that_proves_nothing_is_refused(service, kind):
    """With the subscription it closes with 4401, in a header it is answered with 401."""
    text = bad_init_data()[kind]
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData=text)
        assert page.closed_with() == 4401
    if text:
        assert service.status_of(init_data=text) == 401


def test_init_data_that_is_too_long_is_not_checked(service):
    """In a frame it is one that is too large; in a header it is refused before it is hashed."""
    text = init_data_of(74, at=now()) + "&x=" + "y" * 4000
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData=text)
        page.say(type="ping")
        assert page.hear(None)["type"] == "pong"
    assert service.counts()["unread"] == {"too_large": 1}
    assert service.status_of(init_data=text) == 401
    assert service.counts()["refused"] == {"init_data_too_long": 1}


def test_somebody_elses_init_data_is_somebody_elses(service):
    """Proven to be 31, one does not hear of 74."""
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData=init_data_of(31, at=now()))
        assert page.closed_with() == 4403


def test_a_megabyte_of_init_data_closes_with_1009(service):
    """It is not read to its end, let alone hashed."""
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData="x" * 1_000_000)
        assert page.closed_with() == 1009


def test_init_data_that_is_no_text_is_met_with_silence(service):
    """As any bad frame, and counted; the socket stays open."""
    with service.page() as page:
        page.say(type="subscribe", userId=74, initData={"user": 74})
        page.say(type="ping")
        assert page.hear("pong")
    assert service.counts()["unread"] == {"bad_init_data": 1}


def test_a_thousand_messages_a_second_close_with_1008(service):
    """The page is told why, and its messages are no longer acted on."""
    with service.page(cookie=service.cookie_of(74)) as page:
        text = json.dumps({"type": "ping", "timestamp": 1})
        try:
            for _ in range(1000):
                page.socket.send(text)
        except Exception:
            pass  # the server closed before the end
        assert page.closed_with() == 1008
    assert service.counts()["refused"] == {"too_fast": 1}


def test_a_page_that_speaks_as_pages_do_is_left_alone(serve):
    """A burst within the bound, however short the time."""
    with serve(message_burst=20, message_rate=0.1) as service:
        with service.page(cookie=service.cookie_of(74)) as page:
            page.subscribe(74)
            for number in range(19):
                page.say(type="ping", timestamp=number)
                assert page.hear("pong")["timestamp"] == number
        assert service.counts()["refused"] == {}


def test_a_user_has_so_many_sockets_and_no_more(serve):
    """One more is closed with 4429; when a tab is closed, there is room again."""
    with serve(max_user_connections=2) as service:
        cookie = service.cookie_of(74)
        pages = [service.page(cookie=cookie) for _ in range(3)]
        with pages[0] as one, pages[1] as two, pages[2] as more:
            one.subscribe(74)
            two.subscribe(74)
            more.say(type="subscribe", userId=74)
            assert more.closed_with() == 4429
        service.wait_until_empty()
        with service.page(cookie=cookie) as page:
            assert page.subscribe(74) == 74


def test_a_full_worker_answers_503_until_somebody_leaves(serve):
    """Before the upgrade, so that being full costs next to nothing."""
    with serve(max_connections=2) as service:
        cookie = service.cookie_of(74)
        with service.page(cookie=cookie), service.page(cookie=cookie):
            assert service.status_of(cookie=cookie) == 503
        service.wait_until_empty()
        with service.page(cookie=cookie) as page:
            assert page.subscribe(74) == 74


def test_a_message_over_the_set_size_closes_with_1009(serve):
    """The setting holds, not the library's default."""
    with serve(max_message_bytes=2048) as service, service.page() as page:
        page.say(type="ping", timestamp="x" * 3000)
        assert page.closed_with() == 1009


def test_no_token_no_init_data_and_no_frame_is_logged(serve, capfd, logged):
    """Whatever is refused, the log says why and nothing of what was sent."""
    text = init_data_of(74, at=now() - 86_500)
    with structlog.testing.capture_logs() as log, serve() as service:
        cookie = service.cookie_of(74)
        with service.page() as page:
            page.say(type="subscribe", userId=74, initData=text, note="frame-body")
            assert page.closed_with() == 4401
        service.status_of(init_data=text)
        service.status_of(origin="https://evil.example", cookie=cookie)
        service.wait_until_empty()
    heard = str(log) + "".join(capfd.readouterr()) + logged()
    assert "admission_refused" in heard
    secrets = (text, text[-64:], TOKEN, TOKEN[11:], cookie[8:], "frame-body")
    assert [secret for secret in secrets if secret in heard] == []


def test_the_look_page_signs_in_all_that_it_shows(service):
    """Its one session is good for each of the sockets that it opens."""
    cookie = service.live.get("/").headers["Set-Cookie"].partition(";")[0]
    for user in (10, 22, 17, 74, 31, 33):
        with service.page(cookie=cookie) as page:
            assert page.subscribe(user) == user


def test_outside_the_demonstration_a_page_signs_nobody_in(serve):
    """Whoever knows a user's address is not that user."""
    with serve(demo=False) as service:
        assert service.live.get("/u/74").headers["Set-Cookie"] is None
