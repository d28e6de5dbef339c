"""Errors are compared by class and normalised message, and a control that raises is shadowed."""

import pytest

from app.notifications.service import BalanceNotifications
from shim.shadow.observation import Raised
from tests.shim.harness import Harness


class Refusing(BalanceNotifications):
    """The service that ships, which answers every call with an error of a number of its own."""

    number = 0

    def notify_balance_update(self, hint):
        """Raise, each time with another number."""
        type(self).number += 1
        raise RuntimeError(f"attempt {self.number} for user {hint.user_id} at {id(hint):#x}")


def refusing(clock, truth, serves, bus=None):
    """Build it as the harness asks for it."""
    return Refusing(truth=truth, clock=clock, serves=serves, bus=bus)


def test_the_shadows_run_also_when_the_control_raised():
    """The caller gets the control's error; the shadow told the page, and that is compared."""
    harness = Harness(percent=100)
    harness.connect()
    harness.migration.canonical.notify_balance_update = refusing(
        harness.clock, harness.truth, harness.migration.serves
    ).notify_balance_update
    with pytest.raises(RuntimeError, match="attempt"):
        harness.boost()
    harness.run()
    assert ("raised", "error") in harness.found("saying")
    assert ("raised", "error") in harness.found("reach")
    assert harness.outcomes()["truth"] == {"mismatched": 1}
    [line] = [line for line in harness.lines if line["comparison"] == "saying"]
    shadows = {run["side"]: run for run in line["observations"] if not run["live"]}
    assert shadows["counterfactual_legacy"]["effects"]


def test_a_live_legacy_that_raises_is_a_difference_of_reach():
    """The fault that is known excuses no error: the canonical would have answered."""
    harness = Harness()
    harness.connect()

    def fail(_):
        raise LookupError("user 7 is gone")

    harness.migration.user_id_only.notify_balance_update = fail
    with pytest.raises(LookupError):
        harness.hook()
    harness.run()
    assert harness.outcomes()["reach"] == {"mismatched": 1}
    assert ("raised", "error") in harness.found("reach")


def test_the_same_error_is_the_same_divergence_every_time():
    """Ids, addresses and counts in a message make no new fingerprint, and reach no log."""
    harness = Harness()
    harness.canonical = refusing
    harness.__post_init__()
    harness.connect(user_id=987654321)
    for _ in range(2):
        harness.boost(user_id=987654321)
        harness.run()
    marks = {result.fingerprint for _, result in harness.results if result.comparison == "saying"}
    assert len(marks) == 1
    assert "RuntimeError: attempt # for user # at #" in repr(harness.lines)
    assert "987654321" not in repr(harness.lines).replace("user 987654321", "")


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("no row for 74", "no row for #"),
        ("no row for 75.000001", "no row for #"),
        ("<Thing object at 0x7f3e44b43d50>", "<Thing object at #>"),
        ("late since 2026-01-01T10:00:00.123+00:00", "late since #"),
        ("key 3f2504e0-4f89-11d3-9a0c-0305e82c3301 twice", "key # twice"),
        ("the database is locked", "the database is locked"),
    ],
)
def test_what_changes_from_time_to_time_is_no_part_of_a_message(message, normal):
    """Numbers, times, addresses and UUIDs; the words stay."""
    assert Raised.of(ValueError(message)) == Raised("ValueError", normal)
