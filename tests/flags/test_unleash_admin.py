"""What is said of a change in Unleash when the server goes away in the middle of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flags.admin import FlagAdminError, FlagOutcomeUnknownError
from flags.body import flag_strategy
from flags.decision import CANONICAL_FLAG
from flags.targets import FileTargets
from flags.unleash_admin import SETTLE_S, UnleashAdmin
from flags.unleash_api import FlagThere, UnleashError, UnleashRefusedError, UnleashUnknownError

AWAY = UnleashRefusedError("the address cannot be reached")
SILENT = UnleashUnknownError("the address did not answer in time")


class Api:
    """The admin API of a server with one flag. `fails` says what a call comes to, if not well."""

    def __init__(self) -> None:
        self.strategies = [{"id": "1", **flag_strategy(CANONICAL_FLAG, percentage=0)}]
        self.event = 10
        self.calls: list[str] = []
        self.fails: Callable[[str], UnleashError | None] = lambda call: None

    def flag(self, name: str) -> FlagThere:
        """Return the flag."""
        self._answer("flag")
        return FlagThere(True, tuple(self.strategies))

    def replace_strategy(self, flag: str, identity: str, strategy: dict[str, Any]) -> None:
        """Replace the strategy; it is done although nobody may hear of it."""
        self.strategies = [
            {**strategy, "id": identity} if each["id"] == identity else each
            for each in self.strategies
        ]
        self.event += 1
        self._answer("replace")

    def add_strategy(self, flag: str, strategy: dict[str, Any]) -> None:
        """Add a strategy, unless it names more users than Unleash takes."""
        assert all(len(each["values"]) <= 250 for each in strategy["constraints"])
        self.event += 1
        self.strategies.append({**strategy, "id": str(self.event)})
        self._answer("add")

    def remove_strategy(self, flag: str, identity: str) -> None:
        """Remove a strategy."""
        self.strategies = [each for each in self.strategies if each["id"] != identity]
        self.event += 1
        self._answer("remove")

    def newest_event(self, flag: str) -> int:
        """Return the number of the change."""
        self._answer("event")
        return self.event

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        if (error := self.fails(call)) is not None:
            raise error


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def api() -> Api:
    """Return the server."""
    return Api()


@pytest.fixture
def targets(tmp_path: Path) -> FileTargets:
    """Return where wishes are kept."""
    return FileTargets(tmp_path / "targets.json")


@pytest.fixture
def admin(api: Api, targets: FileTargets) -> UnleashAdmin:
    """Return an admin of that server, for whom no time passes but by waiting."""
    time = Time()
    return UnleashAdmin(
        api,  # type: ignore[arg-type]
        targets=targets,
        monotonic=lambda: time.now,
        sleep=time.sleep,
    )


def test_a_server_that_is_gone_after_a_silent_call_leaves_it_unknown(
    api: Api, admin: UnleashAdmin, targets: FileTargets
) -> None:
    """Nobody can read back whether it was done: it is not said to have failed."""

    def fails(call: str) -> UnleashError | None:
        if call == "replace":
            return SILENT
        return AWAY if "replace" in api.calls else None

    api.fails = fails
    with pytest.raises(FlagOutcomeUnknownError, match="unknown: whether"):
        admin.set_percentage(CANONICAL_FLAG, 50)
    wanted = targets.read(CANONICAL_FLAG).authorised
    assert (wanted is not None and wanted.percentage) == 50


def test_a_server_that_comes_back_settles_it(api: Api, admin: UnleashAdmin) -> None:
    """Gone for a second after a silent call, it is read back as soon as it is there."""

    def fails(call: str) -> UnleashError | None:
        if call == "replace":
            return SILENT
        return AWAY if "replace" in api.calls and len(api.calls) < 8 else None

    api.fails = fails
    assert admin.set_percentage(CANONICAL_FLAG, 50).after.percentage == 50


def test_a_change_whose_number_cannot_be_had_is_not_said_to_have_failed(
    api: Api, admin: UnleashAdmin, targets: FileTargets
) -> None:
    """It was made, so the wish stays, and the message says what is not known."""
    api.fails = lambda call: AWAY if call == "event" and "replace" in api.calls else None
    with pytest.raises(FlagOutcomeUnknownError, match="was changed, but its revision"):
        admin.set_percentage(CANONICAL_FLAG, 50)
    wanted = targets.read(CANONICAL_FLAG).authorised
    assert (wanted is not None and wanted.percentage) == 50
    assert api.calls.count("event") > SETTLE_S  # it was asked again and again


def test_a_silent_server_before_the_change_means_that_nothing_was_changed(
    api: Api, admin: UnleashAdmin, targets: FileTargets
) -> None:
    """Only reading was tried, so nothing is unknown."""
    api.fails = lambda call: SILENT if call == "event" else None
    with pytest.raises(FlagAdminError, match="nothing was changed") as failed:
        admin.set_percentage(CANONICAL_FLAG, 50)
    assert not isinstance(failed.value, FlagOutcomeUnknownError)
    assert targets.read(CANONICAL_FLAG).authorised is None


def test_a_refusal_is_a_failure_and_takes_the_wish_back(
    api: Api, admin: UnleashAdmin, targets: FileTargets
) -> None:
    """Unleash said no: nothing of it is to be let through later."""
    api.fails = lambda call: AWAY if call == "replace" else None
    with pytest.raises(FlagAdminError, match="did not change"):
        admin.set_percentage(CANONICAL_FLAG, 50)
    assert targets.read(CANONICAL_FLAG).authorised is None


def test_a_strategy_of_somebody_elses_making_is_read_back_too(
    api: Api, admin: UnleashAdmin
) -> None:
    """A constraint that names no values is none of ours, and no reason to end in a traceback."""
    api.strategies.append(
        {"id": "2", "name": "default", "constraints": [{"operator": "DATE_AFTER", "value": "x"}]}
    )
    api.fails = lambda call: SILENT if call == "replace" else None
    assert admin.set_percentage(CANONICAL_FLAG, 5).after.percentage == 5


def portions(api: Api) -> list[list[int]]:
    """Return the users of each strategy that names some."""
    return [
        [int(value) for value in each["constraints"][0]["values"]]
        for each in api.strategies
        if each["constraints"]
    ]


def test_a_cohort_larger_than_a_constraint_is_kept_in_several(
    api: Api, admin: UnleashAdmin
) -> None:
    """Unleash takes 250 values in one; whoever is in one stays in it, and is never in none."""
    for first in (1, 251):
        users = range(first, first + 250)
        api.strategies.append(
            {
                "id": f"cohort {first}",
                **flag_strategy(CANONICAL_FLAG, percentage=100, users=users),
            }
        )
    before = [[*range(1, 251)], [*range(251, 501)]]
    assert portions(api) == before
    admin.cohort_add(CANONICAL_FLAG, 999)
    assert portions(api) == [*before, [999]]
    assert admin.cohort(CANONICAL_FLAG) == (*range(1, 501), 999)
    calls = len(api.calls)
    admin.cohort_remove(CANONICAL_FLAG, 7)
    assert api.calls[calls:].count("replace") == 2, "its own portion, and the one for everybody"
    assert portions(api) == [[*range(1, 7), *range(8, 251)], before[1], [999]]
    admin.cohort_add(CANONICAL_FLAG, 1000)
    assert portions(api) == [[*range(1, 7), *range(8, 251), 1000], before[1], [999]]
    admin.cohort_remove(CANONICAL_FLAG, 999)
    assert len(portions(api)) == 2
