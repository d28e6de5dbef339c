"""Odd values reach neither a caller nor the shadows' thread, and lose no line of the log."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shim.exact import amount, in_binary
from shim.facade import BalanceUpdate
from shim.lines import difference_records, redacted
from shim.log_records import DifferenceRecord
from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.observation import Raised
from shim.shadow.publisher import ENCODER, Publisher
from tests.shim.harness import Harness
from tests.shim.test_income import Income, farmed
from tests.shim.values import Raising, nested


def holding_itself() -> list[object]:
    """Return a list and a mapping that hold each other."""
    value: list[object] = []
    value.append({"again": value})
    return value


ODD = {
    "a number of 5,000 digits": 10**5000,
    "the text of one": "1" * 5000,
    "half a character": "\ud800",
    "a text of a million": "x" * 1_000_000,
    "no number": float("nan"),
    "no decimal": Decimal("snan"),
    "no end": float("inf"),
    "raising": Raising(),
    "holding itself": holding_itself(),
    "bytes": b"7",
}
odd = pytest.mark.parametrize("value", ODD.values(), ids=list(ODD))


@odd
def test_a_user_id_of_any_kind_raises_nothing_into_a_caller(value: Any) -> None:
    """It is counted as invalid, by either path, at every stage."""
    for percent in (0, 100):
        harness = Harness(percent=percent)
        harness.aware.notify_balance_update(value)
        harness.aware.notify_balance_update(update(user_id=value))
        harness.by_id.notify_balance_update(value)
        harness.by_id.notify_balance_update(update(user_id=value))
        harness.run()
        assert [tally.invalid for tally in harness.migration.tallies.values()] == [2, 2]


@odd
@pytest.mark.parametrize("field", ["balance_uni", "change_amount", "source", "currency"])
def test_an_update_with_an_odd_field_spoils_no_other_episode(value: Any, field: str) -> None:
    """The call is made, its own episode is compared or left out, and a later one is compared."""
    harness = Harness(percent=100)
    harness.connect(user_id=7, name="seven")
    harness.connect(user_id=8, name="eight")
    harness.truth.book(7, "1", currency="TON")
    harness.aware.notify_balance_update(update(**{field: value}))
    harness.run()
    harness.boost(user_id=8)
    harness.run()
    for outcomes in harness.outcomes().values():
        assert sum(outcomes.values()) == 2
        assert outcomes.get("matched", 0) >= 1
    assert harness.counts.faults.get("publishing", 0) == 0
    for line in harness.lines:
        json.loads(ENCODER.encode(line))


@odd
@pytest.mark.parametrize("percent", [0, 100])
def test_an_odd_income_is_a_difference_and_no_error_of_ours(value: Any, percent: int) -> None:
    """Whichever side returns it, its caller gets it, and both are told apart."""
    income = Income(percent=percent, legacy=lambda _: value, canonical=lambda _: Decimal(1))
    income.facade.income_of(farmed())
    income.run()
    assert income.outcomes()["saying"] == {"mismatched": 1}
    assert not income.counts.faults
    assert len(income.lines) >= 1


@odd
def test_any_value_is_a_line_of_the_log(value: Any) -> None:
    """Whatever it lies in, and however deep."""
    for each in (value, [value], {"user": value, "a": [{"b": value}]}, {"raised": [value] * 5000}):
        record = Difference("a", DifferenceKind.VALUE, each, each)
        [shown] = difference_records([record], lambda user: f"user {user}")
        line = ENCODER.encode(shown)
        assert len(line) < 30_000 * 1000
        assert json.loads(line)["path"] == "a"


def test_a_line_shows_so_much_and_no_more() -> None:
    """Of many members and of many differences the first are there; of a place, always one."""
    assert redacted(list(range(5000)), str)[-2:] == [999, "and 4000 more"]
    many = [Difference("a.*", DifferenceKind.EXTRA, None, number) for number in range(5000)]
    rest = Difference("b", DifferenceKind.VALUE, 1, 2)
    shown = difference_records([*many, rest], str)
    assert (len(shown), shown[-1]) == (1001, DifferenceRecord("b", DifferenceKind.VALUE, 1, 2))
    ENCODER.encode(redacted(nested(50_000), str))


def test_the_message_of_an_error_can_be_written_down() -> None:
    """Also with half a character in it."""
    assert Raised.of(ValueError("\ud800 is odd")).message == "\\ud800 is odd"


def test_what_cannot_be_said_in_json_is_put_into_words() -> None:
    """A record of another making is a line as well."""
    written: list[bytes] = []
    publisher = Publisher([written.append], utc_now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    publisher.publish("odd", value=Raising())
    publisher.flush()
    assert json.loads(written[0])["value"] == "a Raising whose repr raises ValueError"


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (Decimal("9000000000.123457"), "9000000000.123457"),
        (10**30, "1000000000000000000000000000000"),
        (0.1 + 0.2, "0.3"),
        ("12.5", "12.5"),
    ],
)
def test_an_amount_is_exact(value: Any, known: str) -> None:
    """Also where a binary float has no room for six decimals, or a context for the digits."""
    assert amount(value) == Decimal(known)


@odd
def test_what_is_no_amount_is_no_number(value: Any) -> None:
    """Nothing is raised; of a text of digits the number is not an amount of money."""
    assert amount(value).is_nan()


def test_a_binary_float_holds_every_balance_that_there_may_be() -> None:
    """Up to 2**33; above, legacy says another sixth decimal."""
    assert in_binary(Decimal("8589934592.000000")) == Decimal("8589934592.000000")
    assert in_binary(Decimal("8589934591.999999")) == Decimal("8589934591.999999")
    assert in_binary(Decimal("9000000001.000001")) != Decimal("9000000001.000001")


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize(
    "amount", ["9000000000.123457", "9000000001.000001", "123456789012.345678", "0.000001"]
)
def test_the_right_canonical_differs_at_no_amount(amount: str, percent: int) -> None:
    """In truth its frames are compared as exact decimals, in saying with what legacy can say."""
    harness = Harness(percent=percent)
    harness.connect()
    for source in ("one", "two"):
        harness.boost(amount, source=source)
        harness.run()
    harness.hook(amount)
    harness.run()
    outcomes = harness.outcomes()
    assert outcomes["truth"] == {"matched": 3}
    assert outcomes["saying"] == {"matched": 3}
    assert "mismatched" not in outcomes["reach"]


def update(**changed: object) -> BalanceUpdate:
    """Return what a caller of the connection-aware path hands over."""
    fields: dict[str, Any] = {"user_id": 7, "balance_uni": 0, "balance_ton": 1, "change_amount": 1}
    fields |= {"currency": "TON", "source": "boost_income"}
    fields |= {"timestamp": datetime(2026, 1, 1, tzinfo=UTC)}
    return BalanceUpdate(**fields | changed)
