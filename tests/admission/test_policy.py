"""The policy without a socket: modes, bounds, counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.close_codes import CloseCode
from app.web.admission import Admission, Admitted, Bounds, Mode, TurnedAway
from app.web.guard import Guard
from app.web.identity import NOBODY, Handshake, Identity
from app.web.init_data import Flaw, InitDataError
from app.web.token_bucket import TokenBucket

OWN = "http://127.0.0.1:8000"


class Time:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Return the time."""
        return self.now


def verify(init_data):
    """Take "user N" for init data, and nothing else."""
    if not init_data.startswith("user "):
        raise InitDataError(Flaw.FORGED)
    return int(init_data[5:])


def policy(mode=Mode.ENFORCE, *, origins=(), **bounds):
    """Return an admission on a clock of its own."""
    return Admission(
        mode, verify=verify, origins=frozenset(origins), bounds=Bounds(**bounds), monotonic=Time()
    )


def handshake(origin=OWN, **how):
    """Return a handshake of our own page."""
    return Handshake(origin=origin, own_origin=OWN, **how)


@given(
    rate=st.floats(0.1, 1000),
    burst=st.integers(1, 100),
    pauses=st.lists(st.floats(0, 2), max_size=60),
)
def test_no_more_is_taken_than_the_burst_and_the_rate(rate, burst, pauses):
    """Whatever the times are, a bucket never gives more than it was filled with."""
    time = Time()
    bucket = TokenBucket(rate=rate, burst=burst, monotonic=time)
    taken = 0
    for pause in pauses:
        time.now += pause
        taken += bucket.take()
        assert taken <= burst + rate * time.now + 1e-6


def test_a_page_that_waits_may_speak_again():
    """A token comes back in its time."""
    time = Time()
    bucket = TokenBucket(rate=2, burst=1, monotonic=time)
    assert [bucket.take(), bucket.take()] == [True, False]
    time.now = 0.5
    assert [bucket.take(), bucket.take()] == [True, False]


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_does_what_it_says_with_a_foreign_origin(mode):
    """Enforce turns away and counts, report-only counts, off does neither."""
    admission = policy(mode)
    decided = admission.admit(handshake("https://evil.example"))
    assert isinstance(decided, TurnedAway) == (mode is Mode.ENFORCE)
    counted = {"origin_foreign": 1}
    assert admission.snapshot()["refused"] == (counted if mode is Mode.ENFORCE else {})
    assert admission.snapshot()["would_refuse"] == (counted if mode is Mode.REPORT_ONLY else {})


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_does_what_it_says_with_somebody_elses_balance(mode):
    """A page that would be refused is counted once for each reason, however often it asks."""
    admission = policy(mode)
    guard = Guard(admission, Identity(frozenset({74})))
    refused = [guard.may_subscribe(75, None) for _ in range(3)]
    if mode is Mode.ENFORCE:
        assert {one.code for one in refused} == {CloseCode.NOT_YOURS}
    else:
        assert refused == [None] * 3
        counted = {"somebody_else": 1} if mode is Mode.REPORT_ONLY else {}
        assert admission.snapshot()["would_refuse"] == counted


def test_a_list_of_origins_is_exact_and_replaces_our_own():
    """What is not in it is foreign, the service's own address included."""
    admission = policy(origins=["https://app.example"])
    assert isinstance(admission.admit(handshake("https://app.example")), Admitted)
    for other in (OWN, "https://app.example.evil.example", "https://app.example:444", "null"):
        assert isinstance(admission.admit(handshake(other)), TurnedAway)


def test_init_data_of_the_handshake_says_who_it_is():
    """It counts more than a session; what does not hold is 401."""
    both = handshake(session_users=frozenset({74}), init_data="user 75")
    assert policy().admit(both) == Admitted(Identity(frozenset({75})))
    turned_away = policy().admit(handshake(init_data="nonsense"))
    assert turned_away.status == 401


def test_init_data_with_the_subscription_says_who_it_is():
    """From then on the page is that user's; what does not hold closes it with 4401."""
    guard = Guard(policy(), NOBODY)
    assert guard.may_subscribe(74, None).code == CloseCode.NOT_SIGNED_IN
    assert guard.may_subscribe(74, "user 74") is None
    assert guard.may_subscribe(74, None) is None
    assert guard.may_subscribe(75, "user 74").code == CloseCode.NOT_YOURS
    assert guard.may_subscribe(74, "nonsense").code == CloseCode.NOT_SIGNED_IN


@pytest.mark.parametrize("mode", Mode)
def test_places_are_bounded_in_every_mode_and_given_back(mode):
    """A page that changes its user, or leaves, makes room; asking twice takes no second place."""
    admission = policy(mode, user_connections=2)
    pages = [Guard(admission, Identity(frozenset({74, 75}))) for _ in range(3)]
    for page in pages:
        page.entered()
    assert [page.may_subscribe(74, None) for page in [*pages[:2], pages[0]]] == [None] * 3
    assert pages[2].may_subscribe(74, None).code == CloseCode.TOO_MANY
    assert pages[0].may_subscribe(75, None) is None
    assert pages[2].may_subscribe(74, None) is None
    for page in pages:
        page.left()
    assert (admission.snapshot()["open"], admission.snapshot()["users"]) == (0, 0)


@pytest.mark.parametrize("mode", Mode)
def test_a_socket_that_never_subscribes_does_not_hold_its_room_for_ever(mode):
    """Where admission is enforced it may speak for twenty seconds, then only if it listens."""
    admission = policy(mode)
    idle, page = (Guard(admission, Identity(frozenset({74}))) for _ in range(2))
    assert page.may_subscribe(74, None) is None
    admission.monotonic.now = 19.0
    assert idle.may_speak() is None
    admission.monotonic.now = 21.0
    assert page.may_speak() is None
    refused = idle.may_speak()
    if mode is Mode.ENFORCE:
        assert refused.code == CloseCode.NOT_SIGNED_IN
    else:
        assert refused is None


def test_a_full_worker_turns_away_with_503():
    """Until somebody leaves."""
    admission = policy(connections=1)
    first = Guard(admission, NOBODY)
    first.entered()
    assert admission.admit(handshake()).status == 503
    first.left()
    assert isinstance(admission.admit(handshake()), Admitted)


def test_init_data_is_in_no_representation():
    """A handshake in a log gives nothing away."""
    assert "secret" not in repr(handshake(init_data="secret"))
