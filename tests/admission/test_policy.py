"""The policy without a socket: modes, bounds, counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import DatabaseUnavailable
from app.notifications.close_codes import CloseCode
from app.notifications.proofs import InitData, Token
from app.web.admission import Admission, Admitted, Bounds, Mode, TurnedAway
from app.web.files import RESERVED, room_for_sockets
from app.web.guard import Guard
from app.web.identity import NOBODY, Handshake, Identity, OfTelegram, OfUser
from app.web.init_data import Flaw, InitDataError
from app.web.token_bucket import TokenBucket

LATER = 10_000.0
"""When what is proved here is over, on a clock that begins at 0."""
OWN = "http://127.0.0.1:8000"


class Time:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        """Return the time."""
        return self.now


def verify(proof):
    """Take "user N" for a token, "account N" for init data, and nothing else."""
    match proof:
        case Token(text) if text.startswith("user "):
            return OfUser(int(text[5:]), LATER)
        case InitData(text) if text.startswith("account "):
            return OfTelegram(int(text[8:]), LATER)
    raise InitDataError(Flaw.FORGED)


class Accounts:
    """User N has the account 1000 + N; whoever asks is answered when the test says so."""

    def __init__(self):
        self.asked = []
        self.away = False

    def find(self, telegram_id):
        """Return the user, None for an account that is nobody's."""
        if self.away:
            raise DatabaseUnavailable("it is away")
        return telegram_id - 1000 if telegram_id > 1000 else None

    def ask(self, telegram_id, answer):
        """Answer later."""
        self.asked.append((telegram_id, answer))

    def answer(self, number=0):
        """Answer a question now."""
        telegram_id, answer = self.asked[number]
        try:
            answer(self.find(telegram_id))
        except DatabaseUnavailable as error:
            answer(error)


def policy(mode=Mode.ENFORCE, *, origins=(), **bounds):
    """Return an admission on a clock of its own."""
    clock = Time()
    return Admission(
        mode,
        verify=verify,
        people=Accounts(),
        origins=frozenset(origins),
        bounds=Bounds(**bounds),
        monotonic=clock,
        now=clock,
    )


def signed_in(*users):
    """Return who is signed in as these users."""
    return Identity(dict.fromkeys(users, LATER))


def guard_of(admission, *users):
    """Return the guard of a page that is signed in as these users."""
    return Guard(admission, signed_in(*users), call=lambda act: act())


def asked(guard, user, proof=None):
    """Return what a page is told that subscribes; "later" if it is told nothing yet."""
    told = ["later"]
    guard.may_subscribe(user, proof, lambda refused: told.__setitem__(0, refused))
    return told[0]


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
    guard = guard_of(admission, 74)
    refused = [asked(guard, 75) for _ in range(3)]
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


def test_a_proof_of_the_handshake_says_who_it_is():
    """It counts more than a session; what does not hold is 401."""
    for proof in (Token("user 75"), InitData("account 1075")):
        both = handshake(session=signed_in(74), proof=proof)
        assert policy().admit(both) == Admitted(signed_in(75))
    turned_away = policy().admit(handshake(proof=InitData("nonsense")))
    assert turned_away.status == 401


def test_an_account_is_never_taken_for_the_user_with_its_number():
    """Telegram proves an account: whose it is says the database, and else it is nobody's."""
    assert policy().admit(handshake(proof=InitData("account 74"))).status == 401
    admission = policy()
    guard = guard_of(admission)
    assert asked(guard, 74, InitData("account 74")) == "later"
    admission.people.answer()
    assert admission.snapshot()["refused"] == {"init_data_of_no_user": 1}


@pytest.mark.parametrize("mode", Mode)
def test_a_handshake_without_the_database_is_told_to_come_back(mode):
    """503 where it would have to be known who it is; the others are let in."""
    admission = policy(mode)
    admission.people.away = True
    decided = admission.admit(handshake(proof=InitData("account 1074")))
    if mode is Mode.ENFORCE:
        assert decided.status == 503
    else:
        assert decided == Admitted(NOBODY)


def test_a_token_with_the_subscription_says_who_it_is():
    """From then on the page is that user's; what does not hold closes it with 4401."""
    guard = guard_of(policy())
    assert asked(guard, 74).code == CloseCode.NOT_SIGNED_IN
    assert asked(guard, 74, Token("user 74")) is None
    assert asked(guard, 74) is None
    assert asked(guard, 75, Token("user 74")).code == CloseCode.NOT_YOURS
    assert asked(guard, 74, Token("nonsense")).code == CloseCode.NOT_SIGNED_IN


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.REPORT_ONLY])
@pytest.mark.parametrize("away", [False, True])
def test_init_data_with_the_subscription_waits_until_its_user_is_known(mode, away):
    """Nothing waits meanwhile; without the database a page comes back, or is let in."""
    admission = policy(mode)
    admission.people.away = away
    guard, told = guard_of(admission), []
    guard.may_subscribe(74, InitData("account 1074"), told.append)
    assert told == []
    admission.people.answer()
    if away and mode is Mode.ENFORCE:
        assert told[0].code == CloseCode.TRY_LATER
    else:
        assert told == [None]
    counted = {"not_looked_up": 1} if away else {}
    which = "refused" if mode is Mode.ENFORCE else "would_refuse"
    assert admission.snapshot()[which] == counted
    assert admission.snapshot()["signed_in"] == ({} if away else {"init_data": 1})


def test_only_the_last_question_of_a_page_is_answered():
    """What it asked before counts no longer, nor does anything once it has left."""
    admission = policy()
    guard, told = guard_of(admission), []
    guard.entered()
    guard.may_subscribe(75, InitData("account 1075"), told.append)
    guard.may_subscribe(74, InitData("account 1074"), told.append)
    admission.people.answer(0)
    assert told == []
    admission.people.answer(1)
    assert told == [None]
    guard.may_subscribe(74, InitData("account 1074"), told.append)
    guard.left()
    admission.people.answer(2)
    assert told == [None]
    assert admission.snapshot()["users"] == 0


@pytest.mark.parametrize("mode", Mode)
def test_a_page_may_listen_for_as_long_as_its_proof_holds(mode):
    """Then it is closed so that it comes back by itself; where nobody is turned away, it stays."""
    admission = policy(mode)
    page = guard_of(admission)
    assert asked(page, 74, Token("user 74")) is None
    admission.monotonic.now = LATER - 1
    assert page.may_go_on() is None
    admission.monotonic.now = LATER
    refused = page.may_go_on()
    if mode is Mode.ENFORCE:
        assert refused.code == CloseCode.PROOF_ENDED < 4000
    else:
        assert refused is None
        counted = {"proof_ended": 1} if mode is Mode.REPORT_ONLY else {}
        assert admission.snapshot()["would_refuse"] == counted
    assert page.may_go_on() is None


@pytest.mark.parametrize("mode", Mode)
def test_places_are_bounded_in_every_mode_and_given_back(mode):
    """A page that changes its user, or leaves, makes room; asking twice takes no second place."""
    admission = policy(mode, user_connections=2)
    pages = [guard_of(admission, 74, 75) for _ in range(3)]
    for page in pages:
        page.entered()
    assert [asked(page, 74) for page in [*pages[:2], pages[0]]] == [None] * 3
    assert asked(pages[2], 74).code == CloseCode.TOO_MANY
    assert asked(pages[0], 75) is None
    assert asked(pages[2], 74) is None
    for page in pages:
        page.left()
    assert (admission.snapshot()["open"], admission.snapshot()["users"]) == (0, 0)


@pytest.mark.parametrize("mode", Mode)
def test_a_socket_that_never_subscribes_does_not_hold_its_room_for_ever(mode):
    """Where admission is enforced it may speak for twenty seconds, then only if it listens."""
    admission = policy(mode)
    idle, page = (guard_of(admission, 74) for _ in range(2))
    assert asked(page, 74) is None
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
    first = guard_of(admission)
    first.entered()
    assert admission.admit(handshake()).status == 503
    first.left()
    assert isinstance(admission.admit(handshake()), Admitted)


def test_sockets_leave_files_for_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that allows fewer files than sockets keeps some for requests and kill switch."""
    limit = [(4096, 4096)]
    monkeypatch.setattr("app.web.files.resource.getrlimit", lambda _: limit[0])
    assert room_for_sockets() == 4096 - RESERVED
    limit[0] = (4, 4)
    admission = policy(connections=20_000)
    guards = [guard_of(admission) for _ in range(2)]
    for each in guards:
        each.entered()
    assert admission.admit(handshake()).status == 503
    guards[0].left()
    assert isinstance(admission.admit(handshake()), Admitted)


@pytest.mark.parametrize("proof", [InitData("secret"), Token("secret")])
def test_a_proof_is_in_no_representation(proof):
    """A handshake in a log gives nothing away."""
    assert "secret" not in repr(handshake(proof=proof))
