"""Who may look at a user's page outside the demonstration, over real HTTP."""

import pytest

from tests.admission.conftest import now
from tests.admission.signing import OTHER_TOKEN, init_data_of

BALANCE = "2048.000000"


def signed(user, **how):
    """Return the header with which a request proves to come from a user."""
    return {"Authorization": f"tma {init_data_of(user, at=how.pop('at', now()), **how)}"}


def cookie_from(answer):
    """Return the session that came with an answer."""
    return answer.headers["Set-Cookie"].partition(";")[0]


@pytest.fixture
def service(serve):
    """Serve outside the demonstration, with the default mode: enforce."""
    with serve(demo=False) as running:
        yield running


def test_whoever_is_nobody_sees_nobodys_balance(service):
    """401, and a page that asks again with what Telegram says, if it says anything."""
    answer = service.live.get("/u/74")
    assert answer.status == 401
    assert BALANCE not in answer.text
    assert "/static/js/sign-in.js" in answer.text
    assert answer.headers["Set-Cookie"] is None
    assert service.counts()["refused"] == {"page_not_signed_in": 1}


def test_nobody_learns_who_is_a_user(service):
    """A user who does not exist is answered like one who does."""
    asked = [service.live.get(f"/u/{user}") for user in (74, 75)]
    assert [answer.status for answer in asked] == [401, 401]
    assert asked[0].text == asked[1].text


def test_init_data_shows_the_page_and_its_session_goes_on(service):
    """The session that came with it is good for the page, and for the socket."""
    first = service.live.get("/u/74", **signed(74))
    assert (first.status, BALANCE in first.text) == (200, True)
    cookie = cookie_from(first)
    again = service.live.get("/u/74", Cookie=cookie)
    assert (again.status, BALANCE in again.text) == (200, True)
    assert again.headers["Set-Cookie"] is None  # to be used prolongs no session
    with service.page(cookie=cookie) as page:
        assert page.subscribe(74) == 74


def test_somebody_elses_page_is_not_shown(service):
    """Neither with a session nor with init data of one's own: 403, and nothing of it."""
    cookie = cookie_from(service.live.get("/u/74", **signed(74)))
    for headers in ({"Cookie": cookie}, signed(74)):
        answer = service.live.get("/u/10", **headers)
        assert answer.status == 403
        assert "412.5" not in answer.text
        assert answer.headers["Set-Cookie"] is None
    assert service.counts()["refused"] == {"page_of_somebody_else": 2}


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (lambda: signed(74, at=now() - 86_500), "init_data_expired"),
        (lambda: signed(74, at=now() + 120), "init_data_from_the_future"),
        (lambda: signed(74, token=OTHER_TOKEN), "init_data_forged"),
        (lambda: {"Authorization": "tma "}, "init_data_malformed"),
        (lambda: {"Cookie": "session=e30.x.y"}, "page_not_signed_in"),
    ],
    ids=["expired", "from the future", "of another bot", "empty", "a forged session"],
)
def test_proof_that_proves_nothing_shows_nothing(service, headers, why):
    """The answer says what is wrong, and the counts say how often."""
    answer = service.live.get("/u/74", **headers())
    assert answer.status == 401
    assert BALANCE not in answer.text
    assert service.counts()["refused"] == {why: 1}


@pytest.mark.parametrize(("mode", "counted"), [("report-only", 1), ("off", 0)])
def test_other_modes_show_the_page(serve, mode, counted):
    """Report-only counts who would be refused; off does not look. Neither signs anybody in."""
    with serve(demo=False, admission=mode) as service:
        for headers in ({}, signed(74, token=OTHER_TOKEN), signed(10)):
            answer = service.live.get("/u/74", **headers)
            assert (answer.status, BALANCE in answer.text) == (200, True)
            assert answer.headers["Set-Cookie"] is None
        whys = ("page_not_signed_in", "init_data_forged", "page_of_somebody_else")
        assert service.counts()["would_refuse"] == (dict.fromkeys(whys, 1) if counted else {})
        assert service.counts()["refused"] == {}


def test_in_the_demonstration_everybody_is_shown_everybody(serve):
    """As it must be to look at several users side by side."""
    with serve() as service:
        assert BALANCE in service.live.get("/u/74").text
