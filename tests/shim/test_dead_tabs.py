"""Legacy skips a live page that stands after a dead one: known, and no excuse for anything else."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.notifications.messages import BalanceFrame
from app.notifications.ports import BalanceHint, Connection
from app.notifications.service import BalanceNotifications
from shim.balance.known import DEAD_TAB_IN_REACH, DEAD_TAB_IN_SAYING
from tests.shim.harness import Harness

FAULT = {"reach": {"known": 1}, "truth": {"matched": 1}, "saying": {"known": 1}}


def with_tabs(states: str, **options: Any) -> Harness:
    """Return a harness with a tab for each letter: `o` is open, `x` was closed."""
    harness = Harness(**options)
    tabs = [harness.connect(name=f"{number}{state}") for number, state in enumerate(states)]
    for tab, state in zip(tabs, states, strict=True):
        tab.is_open = state == "o"
    return harness


def known_of(harness: Harness) -> set[str | None]:
    """Return under which ids differences were excused."""
    return {result.known for _, result in harness.results}


@pytest.mark.parametrize("states", ["xo", "xoo", "oxo", "xoxo", "oxoo"])
@pytest.mark.parametrize("percent", [0, 100])
def test_who_stands_after_a_dead_tab_is_skipped_by_legacy_alone(states: str, percent: int) -> None:
    """The shadow reaches it: in reach and in saying that is the fault, in truth it is right."""
    harness = with_tabs(states, percent=percent)
    harness.boost()
    harness.run()
    assert harness.outcomes() == FAULT
    assert known_of(harness) == {DEAD_TAB_IN_REACH, DEAD_TAB_IN_SAYING}
    assert harness.found("reach") == harness.found("saying") == {("skipped.*", "extra")}


def test_a_change_that_the_skipped_page_missed_is_the_same_fault() -> None:
    """It is sent the next frame, with what was in that one alone."""
    harness = with_tabs("xo")
    harness.boost("0.5")
    harness.run(0.2)
    assert harness.outcomes() == FAULT
    harness = with_tabs("xo")
    for _ in range(2):
        harness.boost("0.5")
        harness.run(0.13)
    harness.run()
    assert {what for each in harness.outcomes().values() for what in each} <= {"matched", "known"}


@pytest.mark.parametrize("states", ["o", "oo", "ox", "oox", "x", "xxo"])
def test_without_a_live_page_after_a_dead_one_nothing_is_skipped(states: str) -> None:
    """Both sides tell the same pages; of two dead ones the second is skipped."""
    harness = with_tabs(states)
    harness.boost()
    harness.run()
    assert not harness.results


def test_the_path_of_the_other_service_skips_nobody() -> None:
    """It holds a set: what differs there is the other fault."""
    harness = with_tabs("xo")
    harness.hook()
    harness.run()
    assert known_of(harness) == {"legacy-reaches-nobody"}


class Wrong(BalanceNotifications):
    """Does to every frame what `change` says."""

    def change(self, frame: BalanceFrame, connection: Connection) -> BalanceFrame | None:
        """Return what is handed over, if anything is."""
        raise NotImplementedError

    def register_connection(self, user_id: int, connection: Connection) -> None:
        """Put something in between."""
        super().register_connection(user_id, Between(self, connection))

    def remove_connection(self, user_id: int, connection: Connection) -> None:
        """Do not find it again: nothing here leaves."""


class Between:
    """A connection on which a frame is changed."""

    def __init__(self, service: "Wrong", connection: Connection) -> None:
        self._service, self._connection = service, connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._connection, name, value)

    def offer(self, frame: BalanceFrame) -> None:
        """Hand over what is left of the frame, if anything is."""
        changed = self._service.change(frame, self._connection)
        if changed is not None:
            self._connection.offer(changed)


class Cheaper(Wrong):
    """Says too little."""

    def change(self, frame: BalanceFrame, connection: Connection) -> BalanceFrame | None:
        """Take one off."""
        return replace(frame, ton=frame.ton - Decimal(1))


class FirstOnly(Wrong):
    """Tells one live page of several."""

    def change(self, frame: BalanceFrame, connection: Connection) -> BalanceFrame | None:
        """Lose what is for another."""
        return frame if connection.id == "1o" else None


class Deaf(Wrong):
    """Tells nobody."""

    def change(self, frame: BalanceFrame, connection: Connection) -> BalanceFrame | None:
        """Lose it."""
        return None


class Raising(BalanceNotifications):
    """Raises where legacy does not."""

    def notify_balance_update(self, hint: BalanceHint) -> None:
        """Tell, and raise."""
        super().notify_balance_update(hint)
        raise RuntimeError("told")


@pytest.mark.parametrize(
    ("wrong", "states"),
    [(Cheaper, "xo"), (Cheaper, "xoo"), (FirstOnly, "xooo"), (Raising, "xo"), (Deaf, "xoo")],
)
def test_a_wrong_candidate_is_not_excused_by_a_dead_tab(
    wrong: Callable[..., BalanceNotifications], states: str
) -> None:
    """Where anything else differs, or who was not skipped is not told, it counts."""

    def build(clock: Any, truth: Any, serves: Any, bus: Any = None) -> BalanceNotifications:
        return wrong(truth=truth, clock=clock, serves=serves, bus=bus)

    harness = with_tabs(states, canonical=build)
    harness.boost()
    harness.run()
    assert harness.outcomes()["saying"] == {"mismatched": 1}
    if wrong is not Cheaper:  # whose fault is no matter of reach
        assert harness.outcomes()["reach"] == {"mismatched": 1}
