"""A canonical that misbehaves: nothing for the caller, everything in the log."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.notifications.service import BalanceNotifications
from tests.shim.harness import Harness


class Hostile(BalanceNotifications):
    """The service that ships, but for what a subclass does to a notification."""

    def __init__(self, *, truth, clock, serves, bus):
        super().__init__(truth=truth, clock=clock, serves=serves, bus=bus)
        self.clock = clock
        self.bus = bus

    @classmethod
    def build(cls, clock, truth, serves, bus=None):
        """Build it as the harness asks for it."""
        return cls(truth=truth, clock=clock, serves=serves, bus=bus)


class Raising(Hostile):
    """Raises an error."""

    def notify_balance_update(self, hint):
        """Raise."""
        raise RuntimeError("not today")


class Exiting(Hostile):
    """Tries to end the process."""

    def notify_balance_update(self, hint):
        """Exit."""
        raise SystemExit(3)


class Mutating(Hostile):
    """Writes into the frozen argument that it is handed."""

    def notify_balance_update(self, hint):
        """Change the hint, then go on with it."""
        super().notify_balance_update(hint)
        object.__setattr__(hint, "user_id", 666)


class Babbling(Hostile):
    """Returns what no caller expects."""

    def notify_balance_update(self, hint):
        """Return nonsense."""
        super().notify_balance_update(hint)
        return {"nonsense": float("nan")}


class Misdirecting(Hostile):
    """Sends each frame to the connections of everybody it knows of."""

    def notify_balance_update(self, hint):
        """Open a window for all users, with this user's frame in the end."""
        super().notify_balance_update(hint)
        delivery = self._delivery
        original = delivery.hand_out

        def hand_out(reading, **how):
            for user_id in self._registry.users():
                for connection in self._registry.of(user_id):
                    for reader in reading.readers:
                        truth = reading.truths[reader.user_id]
                        connection.offer(_frame(truth))
            return original(replace(reading, readers=()), **how)

        delivery.hand_out = hand_out


class Secretive(Hostile):
    """Tells no other worker."""

    def notify_balance_update(self, hint):
        """Open a window, and publish nothing."""
        self._hint(hint.user_id)


class Gossiping(Hostile):
    """Tells other workers of somebody else."""

    def notify_balance_update(self, hint):
        """Publish one user more."""
        super().notify_balance_update(hint)
        if self.bus is not None:
            self.bus.publish(hint.user_id + 1)


class Sending(Hostile):
    """Sends a balance in its own words, past the state that connections coalesce."""

    text = '{"type":"balance_update","userId":7,"data":{"balance_uni":1000000,"balance_ton":0}}'

    def notify_balance_update(self, hint):
        """Send at once, then go on as usual."""
        super().notify_balance_update(hint)
        for connection in self.connections_of(hint.user_id):
            connection.send(self.text)


class Rambling(Sending):
    """Sends what no page can read."""

    text = "{ nonsense"


class RaisingLater(Hostile):
    """Raises from a timer, long after the call returned."""

    def notify_balance_update(self, hint):
        """Set a timer that raises."""
        super().notify_balance_update(hint)
        self.clock.call_later(0.05, self._explode)

    def _explode(self):
        raise LookupError("from a timer")


def _frame(truth):
    from datetime import UTC, datetime

    from app.notifications.messages import BalanceFrame

    return BalanceFrame(
        user_id=truth.user_id,
        version=truth.version,
        since=None,
        uni=truth.uni,
        ton=truth.ton,
        change_uni=Decimal(0),
        change_ton=Decimal(0),
        sources=(),
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def shadowed(hostile):
    """Return a harness whose shadow canonical misbehaves and whose live one ships."""
    harness = Harness()
    harness.canonical = hostile.build
    harness.__post_init__()
    return harness


@pytest.mark.parametrize(
    ("hostile", "said"),
    [
        (Raising, "RuntimeError: not today"),
        (Exiting, "SystemExit: #"),
        (Mutating, "ArgumentChangedError: the hint was changed"),
        (RaisingLater, "LookupError: from a timer"),
    ],
)
def test_an_error_of_the_candidate_is_a_difference_of_saying(hostile, said):
    """Whatever it raises, wherever: the caller gets its value, and saying names the error."""
    harness = shadowed(hostile)
    page = harness.connect()
    harness.boost()
    harness.run()
    assert len(page.texts) == 1
    assert ("raised", "error") in harness.found("saying")
    assert said in repr(harness.lines)


def test_a_candidate_that_says_nothing_differs_in_all_three():
    """Raising instead of sending is also a failure to reach, and untrue."""
    harness = shadowed(Raising)
    harness.connect()
    harness.boost()
    harness.run()
    assert harness.found("reach") == {("recipients.*", "missing"), ("raised", "error")}
    assert harness.found("truth") == {("recipients.*", "missing")}


def test_a_value_that_legacy_never_returns_is_a_difference_of_saying():
    """What the candidate returns is compared with what legacy returns."""
    harness = shadowed(Babbling)
    harness.connect()
    harness.boost()
    harness.run()
    assert {path for path, _ in harness.found("saying")} == {"values.*"}
    assert harness.outcomes()["truth"] == {"matched": 1}


@pytest.mark.parametrize(("candidate", "kind"), [(Secretive, "missing"), (Gossiping, "extra")])
def test_a_publication_on_the_bus_is_an_effect_of_its_own(candidate, kind):
    """What other workers would not have been told, or told of another, is found in truth."""
    harness = shadowed(candidate)
    harness.connect()
    harness.boost()
    harness.run()
    assert {path.partition(".")[0] for path, _ in harness.found("truth")} == {"published"}
    assert {found for _, found in harness.found("truth")} == {kind}
    assert harness.outcomes()["saying"] == {"matched": 1}
    [line] = harness.lines
    [shadow] = [run for run in line["observations"] if run["side"] == "canonical_shadow"]
    published = [e["published"] for e in shadow["effects"] if e["to"] == "bus"]
    assert published == (["user 7", "user 8"] if candidate is Gossiping else [])


def test_a_message_to_a_stranger_is_a_difference_of_truth():
    """A frame on somebody else's connection is found with whoever got it."""
    harness = shadowed(Misdirecting)
    harness.connect(user_id=7, name="seven")
    harness.connect(user_id=8, name="eight")
    harness.boost(user_id=7)
    harness.boost(user_id=8)
    harness.run()
    assert ("recipients.*.*.user", "value") in harness.found("truth") or (
        "recipients.*.*",
        "extra",
    ) in harness.found("truth")
    assert harness.outcomes()["truth"] == {"mismatched": 2}


@pytest.mark.parametrize("hostile", [Sending, Rambling])
def test_what_a_candidate_tries_to_send_leaves_on_no_socket_and_is_untrue(hostile):
    """It has doubles to send on and nothing else; what it tried is a difference of truth."""
    harness = shadowed(hostile)
    page = harness.connect()
    harness.farm()
    harness.run()
    assert (page.texts, page.begun) == ([], [])
    assert ("recipients.*.*", "extra") in harness.found("truth")
