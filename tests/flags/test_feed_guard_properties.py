"""Operators, slips of the hand, late answers and workers that die: what always holds."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flags.decision import CANONICAL_FLAG
from flags.definition import FlagDefinition
from flags.features import FlagFormatError
from flags.feed_guard import Guard, Verdict
from flags.ramp import RAMP
from flags.targets import Edit, Standing, StandingEdits
from tests.flags.bodies import good_body

PERCENTAGES = st.sampled_from([0, 1, 2, 5, 7, 10, 25, 30, 50, 99, 100])
WORKERS = st.integers(0, 2)


def next_step(percentage: int) -> int:
    """Return how far a percentage may be raised unannounced."""
    return next((step for step in RAMP if step > percentage), 100)


def followed(verdict: Verdict) -> int:
    """Return the percentage that is followed."""
    found = verdict.state.definition(CANONICAL_FLAG)
    return found.percentage if found is not None and found.enabled else 0


class MemoryTargets(StandingEdits):
    """The store of the targets, in memory: the file would be synced thousands of times."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}

    def read(self, flag: str) -> Standing:
        """Return what is known."""
        return self.standings.get(flag, Standing())

    def _change(self, flag: str, edit: Edit) -> None:
        self.standings[flag] = edit(self.read(flag))


class Rollout(RuleBasedStateMachine):
    """One server, three workers with one store, and everybody who meddles."""

    @initialize()
    def begin(self) -> None:
        """Begin on a server at 0 %."""
        self.targets = MemoryTargets()
        self.revision = 1
        self.percentage = 0
        self.bodies = [good_body(revision=1)]
        self.meant = self.highest = 0
        self.workers = [self.new_worker() for _ in range(3)]
        self.serving = [0, 0, 0]
        self.seen = [0, 0, 0]

    def new_worker(self) -> Guard:
        """Return a worker that knows nothing but the store."""
        return Guard(targets=self.targets, source="unleash")

    def turn(self, percentage: int) -> None:
        """Have the server hold a percentage, as a new revision."""
        self.revision += 1
        self.percentage = percentage
        self.bodies.append(good_body(canonical=percentage, revision=self.revision))

    @rule(percentage=PERCENTAGES)
    def an_operator_sets(self, percentage: int) -> None:
        """Turn it by our command: the target first, then the server."""
        self.targets.authorise(
            FlagDefinition(CANONICAL_FLAG, True, percentage, frozenset(), CANONICAL_FLAG)
        )
        self.meant = max(self.meant, percentage)
        self.turn(percentage)

    @rule(percentage=PERCENTAGES)
    def somebody_turns(self, percentage: int) -> None:
        """Turn the flag on the server's own page."""
        self.turn(percentage)

    @rule(worker=WORKERS)
    def a_worker_looks(self, worker: int) -> None:
        """Ask, and be answered with what holds."""
        before = self.serving[worker]
        verdict = self.workers[worker].judge(self.bodies[-1])
        now = self.serving[worker] = followed(verdict)
        self.seen[worker] = self.revision
        assert now <= max(self.percentage, before), "somebody was moved whom nobody reaches"
        if self.percentage <= before:
            assert now <= self.percentage, "the way down was held"
        known = max(before, self.highest)
        assert now <= max(next_step(known), self.meant), f"{known} -> {now} was a surprise"
        if verdict.problem is None:
            assert now == self.percentage
            self.highest = max(self.highest, now)

    @rule(worker=WORKERS, back=st.integers(1, 5))
    def an_answer_is_late(self, worker: int, back: int) -> None:
        """Answer with what was so before the worker's newest look: it changes nothing."""
        revision = self.seen[worker] - back
        if revision < 1:
            return
        before = self.serving[worker]
        try:
            verdict = self.workers[worker].judge(self.bodies[revision - 1])
        except FlagFormatError:
            return
        assert followed(verdict) == before

    @rule(worker=WORKERS)
    def a_worker_dies(self, worker: int) -> None:
        """Another one starts in its place, without a past."""
        self.workers[worker] = self.new_worker()
        self.serving[worker], self.seen[worker] = 0, 0

    @precondition(lambda self: any(self.seen))
    @rule()
    def all_is_quiet(self) -> None:
        """Have everybody look twice at the same: then everybody agrees."""
        for _ in range(2):
            for worker in range(3):
                self.a_worker_looks(worker)
        assert len(set(self.serving)) == 1, f"they serve {self.serving}"

    @invariant()
    def nobody_is_beyond_100(self) -> None:
        """Expect percentages."""
        assert all(0 <= each <= 100 for each in getattr(self, "serving", []))


Rollout.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestRollout = Rollout.TestCase
