"""What is written down of a change in Unleash of which nobody knows whether it was done."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.factory import create_app
from app.rollout import Order, set_flag, switch_off
from app.settings import Settings
from flags.admin import FlagAdminError, FlagChange, FlagOutcomeUnknownError
from flags.decision import BALANCE_NOTIFICATIONS
from flags.definition import FlagDefinition
from tests.application import Built

ORDER = Order("ann", "a test")
BEFORE = FlagDefinition(BALANCE_NOTIFICATIONS.canonical, True, 5, frozenset(), "a group")
WANTED = replace(BEFORE, percentage=10)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    """Yield an application that nobody started."""
    built = Built(create_app(Settings(instance_path=tmp_path, database_url="sqlite:///app.db")))
    yield built
    built.parts.database.dispose()


def trail(built: Built) -> list[tuple[str, str, str]]:
    """Return what, from what and to what, of each entry of the history."""
    entries = built.parts.history.read().entries
    return [(entry.what, entry.before, entry.after) for entry in entries]


def unknown(_: object) -> FlagChange:
    """Fail as an admin does who was not answered."""
    raise FlagOutcomeUnknownError("nobody answered", before=BEFORE, wanted=WANTED)


def test_an_order_whose_outcome_is_unknown_is_in_the_history(built: Built) -> None:
    """It may come true, and then somebody will ask who wanted it."""
    with pytest.raises(FlagOutcomeUnknownError):
        set_flag(built.parts, ORDER, "set", unknown)
    assert trail(built) == [("set", "5 %", "10 %, if it was done, which is unknown")]


def test_the_first_of_two_flags_is_in_the_history_when_the_second_fails(built: Built) -> None:
    """The canonical was switched off, whatever became of the shadow."""

    def off(flag: str) -> FlagChange:
        if flag != BEFORE.name:
            raise FlagAdminError("no")
        return FlagChange(BEFORE, replace(BEFORE, enabled=False), 7, 0.0)

    admin: Any = SimpleNamespace(switch_off=off)
    with pytest.raises(FlagAdminError):
        switch_off(replace(built.parts, flag_admin=admin), ORDER)
    assert trail(built) == [("off, one flag", "5 %", "off")]
