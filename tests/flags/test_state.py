"""A state of the flags: what it decides, why, and for how long it remembers."""

import threading

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.body import flag_body, flag_feature
from flags.decision import CANONICAL_FLAG, SHADOW_FLAG, Decision, FlagContext, Reason
from flags.definition import FlagDefinition, bucket_of
from flags.state import FlagState, load_state
from flags.user_id import MAX_USER_ID
from tests.flags.bodies import altered, good_body, strategy_of

user_ids = st.integers(min_value=1, max_value=MAX_USER_ID)


class CountingEvaluator:
    """Answers what it is told to, and counts the questions."""

    def __init__(self, answer: bool | None) -> None:
        self.answer = answer
        self.questions = 0

    def is_on(self, flag: str, user_id: int) -> bool | None:
        """Count and answer."""
        self.questions += 1
        return self.answer


def state_with(evaluator: CountingEvaluator, *, revision: int = 1) -> FlagState:
    """Return a state at 100 % that asks `evaluator`."""
    definition = FlagDefinition(CANONICAL_FLAG, True, 100, frozenset(), CANONICAL_FLAG)
    return FlagState(revision, "test", {CANONICAL_FLAG: definition}, evaluator)


@settings(max_examples=200, deadline=None)
@given(
    user_id=user_ids,
    percentage=st.integers(0, 100),
    group=st.from_regex(r"[A-Za-z0-9._:/-]{1,20}", fullmatch=True),
    cohort=st.frozensets(user_ids, max_size=3),
)
def test_our_bucket_is_the_engines(
    user_id: int, percentage: int, group: str, cohort: frozenset[int]
) -> None:
    """Unleash's engine lets a user through exactly when the definition does."""

    def regroup(body: dict) -> None:
        body["features"] = [flag_feature(CANONICAL_FLAG, percentage=percentage, cohort=cohort)]
        strategy_of(body)["parameters"]["groupId"] = group

    state = load_state(altered(regroup), source="test")
    decision = state.decide(CANONICAL_FLAG, FlagContext(user_id))
    assert decision.bucket == bucket_of(group, user_id)
    assert decision.value == (user_id in cohort or bucket_of(group, user_id) <= percentage)


def test_a_missing_group_is_the_flags_name() -> None:
    """Without a group id users are bucketed by the flag's name, as the engine does it."""
    body = altered(lambda body: strategy_of(body)["parameters"].pop("groupId"))
    state = load_state(body, source="test")
    for user_id in range(1, 200):
        decision = state.decide(CANONICAL_FLAG, FlagContext(user_id))
        assert decision.value == (bucket_of(CANONICAL_FLAG, user_id) <= 50)


def test_who_is_reached_stays_reached_as_the_percentage_grows() -> None:
    """The users at a lower percentage are a subset of those at a higher one."""
    reached: set[int] = set()
    for percentage in (0, 1, 10, 25, 50, 99, 100):
        state = load_state(good_body(canonical=percentage), source="test")
        now = {u for u in range(1, 300) if state.decide(CANONICAL_FLAG, FlagContext(u)).value}
        assert reached <= now
        reached = now
    assert reached == set(range(1, 300))


def test_the_shadows_sample_is_independent_of_the_rollout() -> None:
    """The two flags bucket a user differently, since their groups differ."""
    state = load_state(good_body(canonical=50, shadow=50), source="test")
    pairs = {
        tuple(state.decide(flag, FlagContext(u)).value for flag in (CANONICAL_FLAG, SHADOW_FLAG))
        for u in range(1, 100)
    }
    assert len(pairs) == 4


def test_a_decision_says_why_and_on_what() -> None:
    """Each way to be let through, or not, has its reason, bucket and revision."""
    body = flag_body(
        7,
        [
            flag_feature(CANONICAL_FLAG, percentage=50, cohort=[3]),
            flag_feature(SHADOW_FLAG, percentage=50, enabled=False),
        ],
    )
    state = load_state(body, source="test")
    inside = next(u for u in range(4, 99) if bucket_of(CANONICAL_FLAG, u) <= 50)
    outside = next(u for u in range(4, 99) if bucket_of(CANONICAL_FLAG, u) > 50)

    def decided(flag: str, user_id: int) -> Decision:
        return state.decide(flag, FlagContext(user_id))

    def expected(value: bool, reason: Reason, user_id: int | None) -> Decision:
        bucket = bucket_of(CANONICAL_FLAG, user_id) if user_id else None
        return Decision(value, reason, "test", bucket, 7)

    assert decided(CANONICAL_FLAG, inside) == expected(True, Reason.ROLLOUT, inside)
    assert decided(CANONICAL_FLAG, outside) == expected(False, Reason.NOT_REACHED, outside)
    assert decided(CANONICAL_FLAG, 3) == expected(True, Reason.COHORT, 3)
    assert decided(SHADOW_FLAG, inside) == expected(False, Reason.OFF, None)
    assert decided("no-such-flag", inside) == expected(False, Reason.MISSING, None)


def test_before_flags_are_loaded_the_answer_is_legacy() -> None:
    """A state that came from nowhere says no, and says that it knows nothing."""
    decision = FlagState(0, "test").decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.reason) == (False, Reason.NOT_LOADED)


def test_an_engine_that_cannot_answer_means_legacy_and_is_asked_again() -> None:
    """A failed evaluation is no decision to remember."""
    evaluator = CountingEvaluator(None)
    state = state_with(evaluator)
    assert state.decide(CANONICAL_FLAG, FlagContext(7)).reason is Reason.ERROR
    evaluator.answer = True
    assert state.decide(CANONICAL_FLAG, FlagContext(7)).value


def test_a_decision_is_worked_out_once_per_state() -> None:
    """The second question for a user is answered from memory, whatever object asks it."""
    evaluator = CountingEvaluator(True)
    state = state_with(evaluator)
    decisions = {id(state.decide(CANONICAL_FLAG, FlagContext(7))) for _ in range(10)}
    assert (len(decisions), evaluator.questions) == (1, 1)


def test_a_remembered_decision_never_outlives_its_state() -> None:
    """A new state, or the same one grown stale, answers for itself from the first call."""
    state = state_with(CountingEvaluator(True), revision=1)
    assert state.decide(CANONICAL_FLAG, FlagContext(7)).flag_version == 1
    stale = state.as_stale()
    assert stale.decide(CANONICAL_FLAG, FlagContext(7)).stale
    assert not state.decide(CANONICAL_FLAG, FlagContext(7)).stale
    newer = state_with(CountingEvaluator(False), revision=2)
    decision = newer.decide(CANONICAL_FLAG, FlagContext(7))
    assert (decision.value, decision.flag_version) == (False, 2)


def test_threads_agree_on_one_state() -> None:
    """Eight threads that ask one state get what its definition says, and nothing raises."""
    state = load_state(good_body(canonical=50), source="test")
    definition = state.definition(CANONICAL_FLAG)
    assert definition is not None
    wrong: list[int] = []

    def ask() -> None:
        wrong.extend(
            user_id
            for user_id in range(1, 400)
            if state.decide(CANONICAL_FLAG, FlagContext(user_id)).value
            is not definition.reaches(user_id)
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("swaps", [2000])
def test_states_that_are_replaced_leave_no_memory_behind(swaps: int) -> None:
    """Thousands of states later the process is no larger: engines are freed with them."""
    body = good_body(canonical=50)

    def swap(times: int) -> int:
        for _ in range(times):
            load_state(body, source="test").decide(CANONICAL_FLAG, FlagContext(7))
        return int(psutil.Process().memory_info().rss)

    settled = swap(500)
    assert swap(swaps) - settled < 8_000_000
