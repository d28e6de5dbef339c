"""What is put away before comparing: two message shapes, float noise, timestamps."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from shim.balance.saying import fold, read_legacy
from shim.exact import amount
from shim.shadow.effects import Effect
from tests.shim.harness import Harness

AMOUNTS = st.decimals(
    min_value=0, max_value=9_000_000, places=6, allow_nan=False, allow_infinity=False
)


def frame(message):
    """Return a legacy frame on one connection."""
    return Effect("send", "legacy", "a", json.dumps(message), 0.0)


def by_user_id(uni, ton, at="2026-01-01T00:00:00Z"):
    """Return a balance in the shape of the user-id-only service."""
    data = {"balance_uni": uni, "balance_ton": ton, "timestamp": at}
    return frame({"type": "balance_update", "userId": 7, "data": data})


def full(uni, ton, at="2031-12-31T23:59:59Z"):
    """Return a balance in the shape of the connection-aware service."""
    data = {
        "balanceUni": uni,
        "balanceTon": ton,
        "changes": {"uni": 0, "ton": 0},
        "sources": [],
        "timestamp": at,
    }
    return frame({"type": "balance_update", "userId": 7, "balanceData": data})


@given(AMOUNTS, AMOUNTS)
def test_both_shapes_say_the_same_at_any_time(uni, ton):
    """One balance read from either shape is one balance, whenever it was said."""
    one, other = (
        read_legacy(by_user_id(float(uni), float(ton))),
        read_legacy(full(float(uni), float(ton))),
    )
    assert (one.uni, one.ton) == (other.uni, other.ton) == (uni, ton)
    assert fold([one]).balance == fold([other]).balance


@given(AMOUNTS, st.floats(-4e-7, 4e-7))
def test_noise_at_the_seventh_decimal_is_not_compared(value, noise):
    """What binary floats add up to is the amount that was meant."""
    assert amount(value + Decimal(noise)) == value


@given(AMOUNTS)
def test_the_sixth_decimal_is_compared(value):
    """A millionth more is another balance."""
    assert amount(value + Decimal("0.000001")) != amount(value)


def test_the_log_shows_what_was_compared():
    """Normalised amounts, and no time of a message among the differences."""
    harness = Harness()
    harness.connect()
    harness.boost("0.1")
    harness.run()
    harness.boost("0.2", stale=True)
    harness.run()
    [line] = [line for line in harness.lines if line["comparison"] == "saying"]
    found = {each["path"]: each for each in line["differences"]}
    assert found.keys() == {"balance.ton", "changes.ton"}
    balance = found["balance.ton"]
    assert (balance["expected"], balance["actual"]) == (Decimal("0.100000"), Decimal("0.300000"))
