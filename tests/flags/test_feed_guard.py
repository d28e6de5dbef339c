"""What of a flag server's answers is followed, and what waits or is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.backwards import RESTORED_AFTER_S, RESTORED_ANSWERS
from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, FARMING_INCOME, MIGRATIONS, SHADOW_FLAG
from flags.definition import FlagDefinition, Held
from flags.features import FlagFormatError
from flags.feed_guard import Guard, Verdict
from flags.surprises import surprise
from flags.targets import FileTargets, Standing
from tests.flags.bodies import altered, good_body, strategy_of


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def targets(tmp_path: Path) -> FileTargets:
    """Return an empty store."""
    return FileTargets(tmp_path / "targets.json")


@pytest.fixture
def guard(targets: FileTargets, clock: Clock) -> Guard:
    """Return the guard of a worker that follows 5 %, at revision 10."""
    guard = Guard(targets=targets, source="unleash", monotonic=clock)
    targets.confirm(definition(5), revision=10)
    guard.judge(good_body(canonical=5, shadow=100, revision=10))
    return guard


def definition(
    percentage: int, *, enabled: bool = True, flag: str = CANONICAL_FLAG
) -> FlagDefinition:
    """Return a canonical flag at a percentage."""
    return FlagDefinition(flag, enabled, percentage, frozenset(), flag)


def percentage(verdict: Verdict, flag: str = CANONICAL_FLAG) -> int:
    """Return the percentage that is followed, 0 for a flag that is off or gone."""
    found = verdict.state.definition(flag)
    return found.percentage if found is not None and found.enabled else 0


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 5), (3, 5), (5, 10), (50, 100), (7, 8)])
def test_one_step_of_the_ramp_is_no_surprise(before: int, after: int) -> None:
    """Whoever goes step by step in Unleash itself is followed at once."""
    assert surprise(definition(before), definition(after), authorised=None) is None


@pytest.mark.parametrize(
    ("before", "after"), [(0, 2), (0, 100), (1, 6), (5, 25), (9, 11), (25, 51)]
)
def test_more_than_a_step_waits_and_says_both_numbers(before: int, after: int) -> None:
    """The reason names what it was, what it became, and the step it went past."""
    why = surprise(definition(before), definition(after), authorised=None)
    assert why is not None
    assert f"from {before} % to {after} %" in why


@given(before=st.integers(0, 100), after=st.integers(0, 100), wanted=st.integers(0, 100))
def test_a_lower_percentage_never_waits_and_an_authorised_one_neither(
    before: int, after: int, wanted: int
) -> None:
    """Whatever is or was wanted: down is down, and what was announced is no surprise."""
    why = surprise(definition(before), definition(after), authorised=definition(wanted))
    if after <= before or after <= wanted:
        assert why is None
    assert surprise(definition(before), definition(after, enabled=False), authorised=None) is None


def test_other_users_at_the_same_percentage_are_a_raise() -> None:
    """A new groupId reaches users who were not reached: it waits, past the first step."""
    moved = FlagDefinition(CANONICAL_FLAG, True, 50, frozenset(), "another-group")
    assert "other users" in str(surprise(definition(50), moved, authorised=None))


def test_a_raise_past_a_step_leaves_the_last_good_state_and_says_why(guard: Guard) -> None:
    """Users stay where they are, the state keeps its revision, and the problem says what to do."""
    verdict = guard.judge(good_body(canonical=50, shadow=100, revision=11))
    assert (percentage(verdict), verdict.state.revision, verdict.state.stale) == (5, 10, True)
    assert "from 5 % to 50 %" in str(verdict.problem)
    assert "flask rollout confirm" in str(verdict.problem)
    assert verdict.held == (Held(definition(50), 11),)


def test_the_last_step_waits_until_nothing_bars_it(targets: FileTargets, clock: Clock) -> None:
    """It is one step, and no surprise; what keeps everybody from being moved does so here, too."""
    bars = {CANONICAL_FLAG: "stale-boost is known and not meant to stay"}
    guard = Guard(targets=targets, source="unleash", monotonic=clock, bars=bars.get)
    targets.confirm(definition(50), revision=10)
    guard.judge(good_body(canonical=50, shadow=100, revision=10))
    verdict = guard.judge(good_body(canonical=100, shadow=100, revision=11))
    assert (percentage(verdict), verdict.held) == (50, (Held(definition(100), 11),))
    assert "held back from moving everybody: stale-boost is known" in str(verdict.problem)
    bars.clear()
    assert percentage(guard.judge(good_body(canonical=100, shadow=100, revision=11))) == 100


def test_whoever_was_moved_or_was_to_be_is_not_moved_back_by_what_bars_the_last_step(
    targets: FileTargets, clock: Clock
) -> None:
    """Neither an order of ours waits, which looked before, nor a worker that starts at 100 %."""
    bars = {CANONICAL_FLAG: "stale-boost is known and not meant to stay"}
    everybody = good_body(canonical=100, shadow=100, revision=11)
    targets.authorise(definition(100))
    for _ in ("follows the order", "starts anew once all do"):
        guard = Guard(targets=targets, source="unleash", monotonic=clock, bars=bars.get)
        assert percentage(guard.judge(everybody)) == 100
        targets.authorise(definition(50))


def both(*, balance: int, income: int, revision: int) -> str:
    """Return a body with the canonical flags of both migrations."""
    percentages = zip(MIGRATIONS, (balance, income), strict=True)
    features = [flag_feature(pair.canonical, percentage=each) for pair, each in percentages]
    return flag_body(revision, features)


@pytest.fixture
def both_at_5(targets: FileTargets, clock: Clock) -> Guard:
    """Return the guard of a worker that follows 5 % of both migrations, at revision 10."""
    for pair in MIGRATIONS:
        targets.confirm(definition(5, flag=pair.canonical), revision=10)
    guard = Guard(targets=targets, source="unleash", monotonic=clock)
    guard.judge(both(balance=5, income=5, revision=10))
    return guard


def test_the_raise_of_another_migration_waits_and_the_first_one_is_followed(
    both_at_5: Guard,
) -> None:
    """The problem names the flag and the command that is about it; the other flag goes down."""
    verdict = both_at_5.judge(both(balance=1, income=100, revision=11))
    income = FARMING_INCOME.canonical
    assert (percentage(verdict), percentage(verdict, income)) == (1, 5)
    assert f'flag "{income}" is held back' in str(verdict.problem)
    assert "flask rollout confirm --migration farming-income" in str(verdict.problem)
    assert verdict.held == (Held(definition(100, flag=income), 11),)


def test_two_raises_wait_each_for_its_own_leave(both_at_5: Guard, targets: FileTargets) -> None:
    """What lets one through keeps the other, and the revision is the body's after both."""
    text = both(balance=50, income=100, revision=11)
    assert len(both_at_5.judge(text).held) == 2
    income = FARMING_INCOME.canonical
    targets.authorise(definition(100, flag=income))
    verdict = both_at_5.judge(text)
    assert (percentage(verdict), percentage(verdict, income)) == (5, 100)
    assert verdict.held == (Held(definition(50), 11),)
    assert verdict.state.revision == 10
    targets.authorise(definition(50))
    verdict = both_at_5.judge(text)
    assert (percentage(verdict), verdict.state.revision, verdict.held) == (50, 11, ())


def test_a_worker_without_a_past_finds_where_both_migrations_stand(
    both_at_5: Guard, targets: FileTargets
) -> None:
    """What another worker follows of each is no surprise; past that, each stays there."""
    both_at_5.judge(both(balance=10, income=10, revision=11))
    fresh = Guard(targets=targets, source="unleash")
    verdict = fresh.judge(both(balance=100, income=100, revision=12))
    assert (percentage(verdict), percentage(verdict, FARMING_INCOME.canonical)) == (10, 10)


def test_a_body_that_waits_is_followed_once_somebody_authorises_it(
    guard: Guard, targets: FileTargets
) -> None:
    """The very same body, judged again, is let through, under its revision."""
    text = good_body(canonical=50, shadow=100, revision=11)
    waiting = guard.judge(text)
    assert guard.judge(text).state is waiting.state
    targets.authorise(definition(50))
    verdict = guard.judge(text)
    assert (percentage(verdict), verdict.state.revision, verdict.problem) == (50, 11, None)
    assert not verdict.state.stale


def test_what_was_authorised_first_is_no_surprise(guard: Guard, targets: FileTargets) -> None:
    """Our own commands write the target before they turn the flag: nothing waits."""
    targets.authorise(definition(100))
    assert guard.judge(good_body(canonical=100, revision=11)).problem is None


@pytest.mark.parametrize(
    "body",
    [
        good_body(canonical=1, shadow=100, revision=11),
        good_body(canonical=0, shadow=100, revision=11),
        flag_body(11, []),
        flag_body(11, [flag_feature(CANONICAL_FLAG, percentage=5, enabled=False)]),
    ],
    ids=["lower", "zero", "archived", "off"],
)
def test_the_way_down_is_never_held(guard: Guard, body: str) -> None:
    """Lower, zero, archived and off are followed at once."""
    verdict = guard.judge(body)
    assert verdict.problem is None
    assert percentage(verdict) < 5
    assert verdict.state.revision == 11


def test_a_broken_flag_keeps_no_other_from_going_down(guard: Guard) -> None:
    """The shadow without a strategy stays as it was; the canonical goes to 0 % all the same."""

    def break_shadow(body: dict) -> None:
        body["features"][1]["strategies"] = []
        body["meta"]["revisionId"] = 11

    verdict = guard.judge(altered(break_shadow, canonical=0))
    assert percentage(verdict) == 0
    assert percentage(verdict, SHADOW_FLAG) == 100
    assert f'flag "{SHADOW_FLAG}" is on and has no strategy' in str(verdict.problem)
    assert verdict.state.revision == 10


def test_a_broken_canonical_stays_and_the_shadow_goes_off(guard: Guard) -> None:
    """A rollout that is no number moves nobody, up or down; the other flag is followed."""

    def break_canonical(body: dict) -> None:
        strategy_of(body)["parameters"]["rollout"] = "abc"
        body["features"][1]["enabled"] = False
        body["meta"]["revisionId"] = 11

    verdict = guard.judge(altered(break_canonical))
    assert (percentage(verdict), percentage(verdict, SHADOW_FLAG)) == (5, 0)
    assert "rollout 'abc'" in str(verdict.problem)
    assert verdict.held == ()


def test_an_older_revision_is_refused_and_says_both(guard: Guard) -> None:
    """A late answer puts no old state back, not even a lower one."""
    with pytest.raises(FlagFormatError, match="revision 9 is older than 10"):
        guard.judge(good_body(canonical=0, revision=9))


def test_a_restored_server_is_believed_after_a_while(
    guard: Guard, targets: FileTargets, clock: Clock
) -> None:
    """Nothing but older revisions for ten seconds and five answers: that is the server now."""
    body = good_body(canonical=1, revision=4)
    for _ in range(RESTORED_ANSWERS * 2):
        with pytest.raises(FlagFormatError):
            guard.judge(body)
    clock.now += RESTORED_AFTER_S
    verdict = guard.judge(body)
    assert (percentage(verdict), verdict.state.revision) == (1, 4)
    assert targets.read(CANONICAL_FLAG).revision == 4
    assert guard.judge(good_body(canonical=1, revision=5)).problem is None


def test_a_lagging_replica_is_never_taken_for_a_restored_server(guard: Guard, clock: Clock) -> None:
    """One answer at the newest revision among the old ones, and the waiting begins anew."""
    for _ in range(30):
        clock.now += 1
        with pytest.raises(FlagFormatError):
            guard.judge(good_body(canonical=1, revision=9))
        clock.now += 1
        guard.judge(good_body(canonical=5, shadow=100, revision=10))


def test_a_restored_server_does_not_raise_anybody_unasked(guard: Guard, clock: Clock) -> None:
    """Yesterday's higher percentage waits for a person like any other."""
    body = good_body(canonical=100, revision=4)
    for _ in range(RESTORED_ANSWERS):
        with pytest.raises(FlagFormatError):
            guard.judge(body)
    clock.now += RESTORED_AFTER_S
    verdict = guard.judge(body)
    assert percentage(verdict) == 5
    assert "from 5 % to 100 %" in str(verdict.problem)


def test_what_was_confirmed_before_a_restore_lets_no_raise_through(
    guard: Guard, targets: FileTargets, clock: Clock
) -> None:
    """Its revision is a high one of the past: what is followed on the restored server counts."""
    guard.judge(good_body(canonical=10, revision=99))
    yesterday = good_body(canonical=50, revision=20)
    for _ in range(RESTORED_ANSWERS):
        with pytest.raises(FlagFormatError):
            guard.judge(yesterday)
    clock.now += RESTORED_AFTER_S
    assert guard.judge(yesterday).held
    assert percentage(guard.judge(good_body(canonical=0, revision=21))) == 0
    verdict = guard.judge(good_body(canonical=25, revision=22))
    assert (percentage(verdict), bool(verdict.held)) == (0, True)
    assert targets.read(CANONICAL_FLAG) == Standing(definition(0), 21)


def test_a_store_that_was_away_is_told_as_soon_as_it_is_back(tmp_path: Path, clock: Clock) -> None:
    """The next answer will do, although it is the same; and so for a restored server's."""
    path = tmp_path / "targets.json"
    targets = FileTargets(path)
    guard = Guard(targets=targets, source="unleash", monotonic=clock)
    guard.judge(good_body(canonical=1, revision=10))

    def told_late(body: str) -> Standing:
        whole = path.read_text()
        path.write_text("[")
        guard.judge(body)
        path.write_text(whole)
        guard.judge(body)
        return targets.read(CANONICAL_FLAG)

    assert told_late(good_body(canonical=0, revision=11)) == Standing(definition(0), 11)
    restored = good_body(canonical=0, revision=5)
    for _ in range(RESTORED_ANSWERS):
        with pytest.raises(FlagFormatError):
            guard.judge(restored)
    clock.now += RESTORED_AFTER_S
    assert told_late(restored) == Standing(definition(0), 5)


def test_a_worker_without_a_past_follows_what_the_others_do(targets: FileTargets) -> None:
    """It finds 50 % confirmed in the store, and the server at 50 %: nothing waits."""
    targets.confirm(definition(50), revision=10)
    guard = Guard(targets=targets, source="unleash")
    assert percentage(guard.judge(good_body(canonical=50, revision=10))) == 50


def test_a_worker_without_a_past_takes_the_stores_state_when_the_servers_waits(
    targets: FileTargets,
) -> None:
    """The server was turned to 100 % by hand: the new worker goes where the others stand."""
    targets.confirm(definition(10), revision=10)
    guard = Guard(targets=targets, source="unleash")
    verdict = guard.judge(good_body(canonical=100, revision=11))
    assert percentage(verdict) == 10
    assert verdict.problem


def test_a_worker_that_nobody_can_tell_anything_is_on_legacy(targets: FileTargets) -> None:
    """No past, an empty store: 50 % waits for a person, and legacy serves everybody."""
    guard = Guard(targets=targets, source="unleash")
    verdict = guard.judge(good_body(canonical=50, revision=11))
    assert percentage(verdict) == 0
    assert "from 0 % to 50 %" in str(verdict.problem)


def test_a_worker_that_slept_through_a_lowering_does_not_miss_it(
    guard: Guard, targets: FileTargets
) -> None:
    """Others saw 1 % before the flag went back to 5 %... and past a step: this one waits, too."""
    sleeper = Guard(targets=targets, source="unleash")
    targets.authorise(definition(50))
    for each in (guard, sleeper):
        assert each.judge(good_body(canonical=50, revision=11)).problem is None
    guard.judge(good_body(canonical=1, revision=12))
    again = good_body(canonical=50, revision=13)
    assert [percentage(each.judge(again)) for each in (guard, sleeper)] == [1, 1]


def test_a_store_that_cannot_be_read_holds_raises_and_nothing_else(tmp_path: Path) -> None:
    """The way down needs no store; the alarm says that it could not be looked up."""
    path = tmp_path / "targets.json"
    guard = Guard(targets=FileTargets(path), source="unleash")
    guard.judge(good_body(canonical=1, revision=1))
    path.write_text("[")
    verdict = guard.judge(good_body(canonical=50, revision=2))
    assert percentage(verdict) == 1
    assert "whether it is authorised is not known" in str(verdict.problem)
    assert percentage(guard.judge(good_body(canonical=0, revision=3))) == 0


def test_a_look_from_outside_writes_nothing(targets: FileTargets, tmp_path: Path) -> None:
    """The command line judges like a worker, and leaves the store to them."""
    Guard(targets=targets, source="unleash", observe=True).judge(good_body(canonical=1, revision=3))
    assert list(tmp_path.iterdir()) == []


def test_targets_survive_and_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    """What one process writes another one reads; an older revision overwrites nothing."""
    path = tmp_path / "targets.json"
    one, other = FileTargets(path), FileTargets(path)
    one.authorise(definition(25))
    one.confirm(definition(10), revision=7)
    one.confirm(definition(50), revision=6)
    standing = other.read(CANONICAL_FLAG)
    assert (standing.confirmed, standing.revision) == (definition(10), 7)
    assert standing.authorised == definition(25)
    other.revoke(definition(25))
    assert one.read(CANONICAL_FLAG).authorised is None
    assert json.loads(path.read_text())[CANONICAL_FLAG]["revision"] == 7
