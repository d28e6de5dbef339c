"""Orders of a reward that say nothing that could be booked."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.live import Answer, Live, serving


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Serve the demonstration once: nothing here changes it."""
    with serving(tmp_path_factory.mktemp("shop")) as running:
        yield running


def refusal(answer: Answer) -> tuple[int, str]:
    """Return the status and what is said."""
    return answer.status, answer.json["message"]


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"kind": "farming"}, 'The field "user" is missing'),
        ({"user": 74}, 'The field "kind" is missing'),
        ({"user": 74, "kind": "lottery"}, "'lottery' is not a kind of reward: give one of farming"),
        ({"user": 74, "kind": ["farming"]}, "['farming'] is not a kind of reward"),
        ({"user": " 7 ", "kind": "farming"}, "' 7 ' is not a user id"),
        ({"user": True, "kind": "farming"}, "True is not a user id"),
        ({"user": 7.0, "kind": "farming"}, "7.0 is not a user id"),
        ({"user": None, "kind": "farming"}, "None is not a user id"),
        ({"user": {}, "kind": "farming"}, "{} is not a user id"),
        ({"user": "\ud800", "kind": "farming"}, r"'\ud800' is not a user id"),
        ({"user": 74, "kind": "farming", "amount": 0.5}, "The amount 0.5 is not text"),
        ({"user": 74, "kind": "farming", "amount": "NaN"}, "'NaN' is not an amount"),
        ({"user": 74, "kind": "farming", "amount": "1e3"}, "'1e3' is not an amount"),
        ({"user": 74, "kind": "farming", "amount": "0.0000001"}, "more than six decimal places"),
        ({"user": 74, "kind": "farming", "amount": "-1"}, "-1.000000 is not above zero"),
        ({"user": 74, "kind": "farming", "amount": "9" * 40}, "is out of range"),
        ({"user": 31, "kind": "boost", "amount": "1"}, 'leave "amount" away'),
    ],
)
def test_a_bad_order_is_told_what_is_wrong(shop: Live, order: dict[str, Any], said: str) -> None:
    """What cannot be booked is refused with the value and what to give instead."""
    status, message = refusal(shop.order(**order))

    assert status == 400
    assert said in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        *((body, "is not a JSON object") for body in (b"[]", b"7", b"null", b'"x"')),
        *((body, "is not JSON") for body in (b"", b"{", b"\xff", b"\xef\xbb\xbf{}")),
        (b"\xff\xfe{\x00}\x00", "is not JSON"),
        (b'{"user": NaN, "kind": "farming"}', "is not JSON"),
        (b'{"user": -Infinity}', "is not JSON"),
        (b'{"user": 74, "user": 10, "kind": "farming"}', "is not JSON"),
        (b'{"user": 74, "kind": "farming", "more": {"a": 1, "a": 2}}', "is not JSON"),
        (b'{"user": 1' + b"0" * 5000 + b"}", "is not JSON"),
        (b'{"user": "\xc0\xaf"}', "is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nests deeper than 20 levels"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nests deeper than 20 levels"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(shop: Live, body: bytes, said: str) -> None:
    """The answer says what to send."""
    status, message = refusal(shop.post("/look/reward", body))

    assert status == 400
    assert message.startswith(f"The body {said}: send JSON such as")


def test_a_form_of_a_foreign_page_books_nothing(shop: Live) -> None:
    """Only JSON is taken, which a browser lets no foreign page send without asking."""
    answer = shop.post("/look/reward", b'{"user": 74, "kind": "mission"}', "text/plain")

    assert answer.status == 400
    assert "2048.000000" in shop.get("/u/74").text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_foreign_form_can_send_is_refused(shop: Live, kind: str) -> None:
    """Only a script may say that it sends JSON, and only one of our own pages."""
    status, message = refusal(shop.post("/look/reward", b'{"user": 74, "kind": "mission"}', kind))

    assert status == 400
    assert message.startswith("The body is not sent as Content-Type: application/json")


def test_a_body_that_is_too_long_is_not_read(shop: Live) -> None:
    """413, whatever is in it."""
    assert shop.post("/look/reward", b"[" * 300_000).status == 413
