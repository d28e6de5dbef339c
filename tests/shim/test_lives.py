"""Pages with a life: what they find in candidates, and how the service that ships does."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications
from app.replayers import new_page
from bench.kit.mutants import OURS, Mutant, candidate_of, mutants_in
from shim.balance.life.events import Kind, Life, Person
from shim.balance.life.held import HeldAccount
from shim.balance.life.lives import EVERY_NTH, DrawnLives, OneLife, is_lived
from shim.balance.life.scenes import SCENES_OF_ALL_KINDS
from shim.balance.life.stage import Stage
from shim.balance.life.writer import write
from shim.replay.finding import Finding
from shim.shadow.differences import differences
from tests.replay.stage import cases, replayed
from tests.shim.harness import Harness
from tests.shim.test_what_pages_see import Wrong

KINDS = ("pages", "reads", "time", "served", "merged")
"""Folders of candidates that only a page with a life can find."""
ENOUGH, MOST = 300, 1500
"""Lives of the service that ships, and of a candidate until it is found at the latest."""
PEOPLE = (
    Person(7, 4, Decimal("8589934500.000001"), Decimal("50.65")),
    Person(2**31 + 7, 0, Decimal(0), Decimal(0)),
)


def staged(candidate: Callable[..., Any] = BalanceNotifications) -> Callable[[], Stage]:
    """Return what builds a stage for a candidate."""
    return lambda: Stage(
        new_canonical=lambda clock, truth, bus, serves: candidate(
            truth=truth, clock=clock, serves=serves, bus=bus
        ),
        new_hint=BalanceHint,
        new_page=new_page,
        unavailable=TruthUnavailable,
    )


def lived(new_stage: Callable[[], Stage], *, most: int) -> tuple[int, set[str]]:
    """Play lives, until something differs: return how many, and where it does."""
    lives, played = DrawnLives(new_stage), 0
    for number in range(most * EVERY_NTH):
        subject, version = 1 + number % 400, 2 + number // 400
        held = HeldAccount(Person(subject, version, Decimal(1000 + version), Decimal(5))).truth(
            None
        )
        life = lives.live(subject, version, held)
        played += life is not None
        if life is not None and life.expected != life.actual:
            return played, {each.path for each in differences(life.expected, life.actual)}
    return played, set()


def drawn(seed: int, scenes: int = len(SCENES_OF_ALL_KINDS)) -> Life:
    """Return a life with every kind of scene."""
    return write(f"{seed}", PEOPLE, real=(), stayed={}, scenes=scenes)


def test_the_service_that_ships_lives_through_all_of_it() -> None:
    """Nothing differs, in hundreds of lives one after the other on the same stage."""
    played, found = lived(staged(), most=ENOUGH)
    assert not found
    assert played > ENOUGH / 2


@pytest.mark.parametrize("seed", range(20))
def test_scenes_of_all_kinds_in_any_order_are_no_difference(seed: int) -> None:
    """What one leaves behind does no harm to the next, close to the greatest balance."""
    life = OneLife(drawn(seed), staged()).live(7, 3, HeldAccount(PEOPLE[0]).truth(None))
    assert life is not None
    assert life.actual == life.expected
    assert life.actual["pages"]


def test_what_is_said_in_a_life_is_marked_in_the_log() -> None:
    """So that the service's log tells of no read that failed and no page that broke in a play."""
    with capture_logs(processors=[merge_contextvars]) as lines:
        lived(staged(), most=40)
    assert {"balances_unreadable", "connection_dropped"} <= {line["event"] for line in lines}
    assert all(line.get("said_by_shadow") for line in lines)


def test_a_life_has_everything_that_can_happen_to_a_page() -> None:
    """Each kind of event is in one of some lives, and some happen in the middle of a read."""
    happened = Counter(event.kind for seed in range(40) for event in drawn(seed).events)
    assert set(happened) == set(Kind)
    within = {event.kind for seed in range(40) for event in drawn(seed).events if event.within}
    assert within == {Kind.OPENS, Kind.LEAVES, Kind.BREAKS, Kind.BOOKS, Kind.HINTS}


def test_the_same_seed_writes_the_same_life() -> None:
    """So that a replay can play it, and another seed another one."""
    assert drawn(1) == drawn(1) != drawn(2)


def test_one_episode_of_eight_is_followed_by_a_life() -> None:
    """By user and version alone, and of each user some."""
    share = Counter(subject for subject in range(100) for v in range(80) if is_lived(subject, v))
    assert 0.9 < sum(share.values()) * EVERY_NTH / (100 * 80) < 1.1
    assert set(share) == set(range(100))


WRONG = [mutant for kind in KINDS for mutant in mutants_in(OURS / kind)]


@pytest.mark.parametrize("mutant", WRONG, ids=lambda mutant: mutant.name)
def test_a_candidate_that_only_pages_with_a_life_see_is_found(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of ours, within some hundred lives, by what left on a page's wire."""
    assert isinstance(mutant.file, Path)
    canonical, parts = candidate_of(mutant.file)
    for name, part in parts.items():
        monkeypatch.setattr(name, part)
    _, found = lived(staged(canonical), most=MOST)
    assert found


class Stubborn(Wrong):
    """Asks once whom it may serve."""

    def __init__(self, *, serves: Callable[[int], bool], **ports: Any) -> None:
        known: dict[int, bool] = {}
        super().__init__(serves=lambda user: known.setdefault(user, serves(user)), **ports)


class Exploding(Wrong):
    """Raises where a page subscribes again."""

    def register_connection(self, user_id: int, connection: Any) -> None:
        """Register once."""
        if connection in self.connections_of(user_id):
            raise SystemExit("seen before")
        super().register_connection(user_id, connection)


def _found_in_lives(candidate: Any) -> Harness:
    harness = Harness(canonical=candidate.build, lives=True)
    harness.connect()
    for _ in range(12 * EVERY_NTH):
        harness.boost()
        harness.run()
    return harness


@pytest.mark.parametrize(("candidate", "where"), [(Stubborn, "unasked"), (Exploding, "raised")])
def test_what_a_life_shows_is_a_difference_of_truth_that_a_replay_shows_again(
    candidate: Any, where: str
) -> None:
    """The case has the life as plain data: it differs again, and no longer once it is mended."""
    harness = _found_in_lives(candidate)
    assert set(harness.outcomes()["reach"]) == set(harness.outcomes()["saying"]) == {"matched"}
    found = [case for case in cases(harness) if case.life is not None]
    assert found
    assert any(f"life.{where}" in each.path for case in found for each in case.differences)
    for case in found:
        again = replayed(
            case, lambda clock, truth, bus, serves: candidate.build(clock, truth, serves, bus)
        )
        if case.lacks:
            continue
        assert again.finding is Finding.STILL_DIVERGES
        assert replayed(case).finding is Finding.NO_LONGER_DIVERGES
    assert not all(case.lacks for case in found)


def test_a_life_that_depends_on_earlier_ones_says_so() -> None:
    """What a candidate kept of them is not in the case: that nothing is shown proves nothing."""

    class Tired(Wrong):
        def __init__(self, **ports: Any) -> None:
            super().__init__(**ports)
            self.hints = 0

        def notify_balance_update(self, hint: BalanceHint) -> None:
            """Take notice of a hundred."""
            self.hints += 1
            if self.hints < 100:
                super().notify_balance_update(hint)

    harness = _found_in_lives(Tired)
    found = [case for case in cases(harness) if case.life is not None and case.lacks]
    assert found
    assert "the lives before this one" in found[0].lacks[0]
    assert replayed(found[0]).finding is Finding.NOT_SHOWN


def test_who_is_forgotten_and_comes_again_is_owed_nothing_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stage remembers some hundred people; who comes again after that has what they have."""
    monkeypatch.setattr("shim.balance.life.stage.MOST_ACCOUNTS", 5)
    lives = DrawnLives(staged())
    subjects = [
        subject for subject in range(1, 2000) if is_lived(subject, 9) and is_lived(subject, 8)
    ]
    for version in (9, 8):
        for subject in subjects:
            person = Person(subject, version, Decimal(1000), Decimal(5))
            life = lives.live(subject, version, HeldAccount(person).truth(None))
            assert life is not None
            assert life.actual == life.expected


def test_a_life_breathes_between_any_two_things_that_happen() -> None:
    """It takes longer than a shadow may hold on to the interpreter beside callers."""
    breaths: list[None] = []
    stage = Stage(
        new_canonical=lambda clock, truth, bus, serves: BalanceNotifications(
            truth=truth, clock=clock, serves=serves, bus=bus
        ),
        new_hint=BalanceHint,
        new_page=new_page,
        unavailable=TruthUnavailable,
        breathe=lambda: breaths.append(None),
    )
    life = drawn(1)
    OneLife(life, lambda: stage).live(7, 3, HeldAccount(PEOPLE[0]).truth(None))
    assert len(breaths) == len(life.events)
