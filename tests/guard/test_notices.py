"""Notices reach a real receiver signed, are tried again, and hold nobody up."""

import base64
import hashlib
import hmac
import json
import threading
import time

from app.adapters.notices import MOST_WAITING, TRIES, Notices
from tests.guard.receiver import receiving
from tests.patience import patient

SECRET = b"a secret of thirty-two characters"


def notices(url, **changes):
    """Return notices that try again at once."""
    return Notices(url, secret=lambda: SECRET, **{"pause_s": 0.0, **changes})


def sent(receiver, content, **changes):
    """Send one notice, wait until it was taken or given up, and return who sent it."""
    sender = notices(receiver.url, **changes)
    sender.start()
    sender.tell(content)
    sender.stop(timeout=20.0)
    return sender


def test_a_notice_comes_whole_and_signed_over_its_id_time_and_body():
    """A receiver that knows the secret can tell that nobody else wrote it, and when."""
    with receiving([]) as receiver:
        sender = sent(receiver, {"event": "guard_tripped", "why": "ä"}, now=lambda: 1_700_000_000.5)
    ((headers, body),) = receiver.got
    assert json.loads(body) == {"event": "guard_tripped", "why": "ä"}
    content = f"{headers['webhook-id']}.1700000000.".encode() + body
    digest = hmac.new(SECRET, content, hashlib.sha256).digest()
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert (sender.sent, sender.failed) == (1, 0)


def test_a_receiver_that_fails_for_a_while_gets_the_same_notice_again():
    """Under the same id, so that it can tell."""
    with receiving([500, 503, 429]) as receiver:
        sender = sent(receiver, {"event": "guard_tripped"})
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert (len(receiver.got), sender.sent) == (4, 1)


def test_a_receiver_that_goes_on_failing_is_given_up_and_counted():
    """A bounded number of tries."""
    with receiving([500] * 100) as receiver:
        sender = sent(receiver, {"event": "guard_tripped"})
    assert (len(receiver.got), sender.sent, sender.failed) == (TRIES, 0, 1)


def test_a_refusal_is_final():
    """What is not wanted is not sent again."""
    with receiving([403]) as receiver:
        sender = sent(receiver, {"event": "guard_tripped"})
    assert (len(receiver.got), sender.failed) == (1, 1)


def test_a_redirect_is_not_followed():
    """It could lead the notice anywhere."""
    with receiving([302]) as receiver:
        sender = sent(receiver, {"event": "guard_tripped"})
    assert (len(receiver.got), sender.failed) == (1, 1)


def test_nobody_at_the_address_is_counted():
    """A connection refused, to the end."""
    with receiving([]) as receiver:
        url = receiver.url
    sender = notices(url)
    sender.start()
    sender.tell({"event": "guard_tripped"})
    sender.stop(timeout=20.0)
    assert (sender.sent, sender.failed) == (0, 1)


def test_a_receiver_that_hangs_holds_up_neither_who_tells_nor_who_stops():
    """More notices than there is room for are counted, and stopping has its time."""
    hangs = threading.Event()
    with receiving([], hangs=hangs) as receiver:
        sender = notices(receiver.url, timeout_s=30.0)
        sender.start()
        began = time.monotonic()
        for number in range(MOST_WAITING + 5):
            sender.tell({"number": number})
        sender.stop(timeout=0.05)
        took = time.monotonic() - began
        hangs.set()
    assert took < patient(5.0)
    assert sender.failed >= 1


def test_a_secret_that_cannot_be_read_costs_the_notice_and_not_the_thread():
    """It is asked for again with the next one."""
    answers = iter([OSError("no such file"), SECRET])

    def secret():
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with receiving([]) as receiver:
        sender = Notices(receiver.url, secret=secret, pause_s=0.0)
        sender.start()
        sender.tell({"number": 1})
        sender.tell({"number": 2})
        sender.stop(timeout=20.0)
    assert [json.loads(body)["number"] for _, body in receiver.got] == [2]
    assert (sender.sent, sender.failed) == (1, 1)
