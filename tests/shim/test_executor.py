"""The shadow thread: deadlines, the processor budget, and what is counted when it stops."""

import threading
import time

import pytest

from shim.shadow.counts import Counts
from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall
from shim.shadow.executor import Limits, ShadowExecutor
from shim.shadow.experiment import Experiment
from shim.shadow.queue import EventQueue
from shim.shadow.result import Comparison, Judgement, NotCompared, Outcome

PATIENCE = 60.0


class Side:
    """A shadow that does what it is told with each call."""

    name = "shadow"

    def __init__(self, act):
        self.act = act

    def enter(self, subject, call):
        """Take nothing."""

    def call(self, call):
        """Act."""
        return self.act(call)

    def advance_to(self, moment):
        """Have no timers."""

    def is_idle(self, subject):
        """Be idle."""
        return True

    def leave(self, subject):
        """Have done one thing."""
        return [Effect("send", self.name, "someone", "something", 0.0)]


class World:
    """A binding that finds everything alike."""

    def __init__(self, act, notice):
        self.sides = (Side(act),)
        self._notice = notice

    def shadows_for(self, call):
        """Shadow with the one side."""
        return self.sides

    def live_is_idle(self, subject):
        """Be idle."""
        return True

    def next_turn(self):
        """Remember nothing."""

    def notice(self, episodes):
        """Do what the test wants."""
        self._notice()

    def judge(self, episodes):
        """Match."""
        return [[Judgement(comparison) for comparison in Comparison] for _ in episodes]


class Running:
    """An executor with its queue, counts and alarms."""

    def __init__(self, act, *, thread_time=time.thread_time, limits=None, notice=lambda: None):
        self.act = act
        self.notice = notice
        self.queue = EventQueue(1000)
        self.counts = Counts()
        self.alarms = []
        self.executor = ShadowExecutor(
            queue=self.queue,
            counts=self.counts,
            new_experiment=self._new_experiment,
            alarm=lambda event, **fields: self.alarms.append((event, fields)),
            monotonic=time.monotonic,
            thread_time=thread_time,
            limits=limits or Limits(deadline=0.1, cpu_share=1.0, pause=0.05),
        )

    def _new_experiment(self):
        return Experiment(
            world=World(self.act, self.notice),
            counts=self.counts,
            publish=lambda episode, result: None,
            timer=time.perf_counter,
        )

    def offer(self, subject=1):
        """Hand over one finished call."""
        call = LiveCall(time.monotonic(), "path", subject, None, "live", None, None, None)
        call.finished = call.started
        self.queue.offer(call)

    def matched(self):
        """Return how many comparisons of truth matched."""
        return self.counts.outcomes[Comparison.TRUTH, Outcome.MATCHED]

    def lost(self, reason):
        """Return how many comparisons of truth were not made for this reason."""
        return self.counts.reasons[Comparison.TRUTH, reason]


def wait_until(condition):
    """Wait for a condition; fail if it does not come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        threading.Event().wait(0.002)


@pytest.fixture
def running():
    """Return a function that starts an executor; all are stopped at the end."""
    started = []

    def start(act, **how):
        one = Running(act, **how)
        one.executor.start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.executor.stop()


def test_what_is_offered_is_compared(running):
    """A call that is offered ends as a match, off the caller's thread."""
    threads = set()
    one = running(lambda call: threads.add(threading.current_thread().name))
    one.offer()
    wait_until(lambda: one.matched() == 1)
    assert threads == {"shadow"}


def test_a_candidate_that_sleeps_is_given_up_and_replaced(running):
    """Past its deadline it is timed out and named; the next call finds a fresh shadow."""
    release = threading.Event()
    one = running(lambda call: release.wait(60) if call.subject == 1 else None)
    one.offer(subject=1)
    wait_until(lambda: one.lost(NotCompared.TIMED_OUT) == 1)
    assert one.alarms[0] == ("shadow_stuck", {"side": "shadow", "deadline": 0.1, "episodes": 1})
    wait_until(lambda: one.executor.state == "running")
    one.offer(subject=2)
    wait_until(lambda: one.matched() == 1)
    release.set()


def test_a_given_up_candidate_is_not_counted_when_it_wakes(running):
    """What a stuck thread still does after it was given up changes no number."""
    release, woken, stuck = threading.Event(), threading.Event(), []

    def act(call):
        stuck.append(threading.current_thread())
        release.wait(60)
        woken.set()

    one = running(act)
    one.offer()
    wait_until(lambda: one.lost(NotCompared.TIMED_OUT) == 1)
    release.set()
    wait_until(lambda: not stuck[0].is_alive())
    assert woken.is_set() or one.matched() == 0
    assert one.matched() == 0


def test_a_candidate_in_an_endless_loop_is_ended(running):
    """Python code that never returns is interrupted, so that it stops taking the processor."""

    def spin(call):
        while True:
            pass

    one = running(spin)
    one.offer()
    wait_until(lambda: one.lost(NotCompared.TIMED_OUT) == 1)
    wait_until(lambda: sum(t.name == "shadow" for t in threading.enumerate()) <= 1)


def test_offering_to_a_stuck_shadow_costs_the_caller_nothing(running):
    """While a shadow hangs, callers go on; what they offer is dropped and counted."""
    release = threading.Event()
    one = running(
        lambda call: release.wait(60), limits=Limits(deadline=0.05, cpu_share=1.0, pause=30.0)
    )
    one.offer()
    wait_until(lambda: one.executor.state == "stuck")
    for _ in range(100):
        one.offer()
    wait_until(lambda: one.counts.dropped[NotCompared.TIMED_OUT] == 100)
    release.set()


def test_over_the_processor_budget_calls_are_dropped_and_counted(running):
    """A shadow that burns more than its share takes on nothing new, and says so once."""
    burnt = iter(range(0, 10**6, 60))
    one = running(lambda call: None, thread_time=lambda: float(next(burnt)))
    one.offer()
    wait_until(lambda: one.executor.state == "over budget")
    one.offer()
    wait_until(lambda: one.counts.dropped[NotCompared.CPU_BUDGET] == 1)
    assert [event for event, _ in one.alarms] == ["shadow_over_budget"]


def test_getting_going_is_not_held_against_the_shadows():
    """What the thread takes until the first calls were taken up costs none of the budget."""
    burnt = 0.0

    def thread_time():
        nonlocal burnt
        burnt += 0.0 if one.counts.calls else 60.0
        return burnt

    limits = Limits(deadline=30.0, cpu_share=1.0)
    one = Running(lambda call: None, thread_time=thread_time, limits=limits)
    one.executor.start()
    try:
        wait_until(lambda: burnt > 300.0)
        one.offer(subject=1)
        wait_until(lambda: one.matched() == 1)
        one.offer(subject=2)
        wait_until(lambda: one.matched() == 2)
        assert one.executor.state == "running"
    finally:
        one.executor.stop()
    assert one.alarms == []


def test_a_binding_that_breaks_is_reported_and_survived(running):
    """An error outside a shadow's own code ends its episodes, not the thread."""
    errors = [RuntimeError("the binding is broken")]

    def notice():
        if errors:
            raise errors.pop()

    one = running(lambda call: None, notice=notice)
    one.offer(subject=1)
    wait_until(lambda: one.lost(NotCompared.BROKEN) == 1)
    one.offer(subject=2)
    wait_until(lambda: one.matched() == 1)
    assert one.alarms[0][0] == "shadow_broken"


def test_what_is_left_at_the_end_is_counted():
    """Stopping compares nothing more and counts what was under way."""
    one = Running(lambda call: None)
    one.offer()
    one.executor.start()
    one.executor.stop()
    left = one.lost(NotCompared.LEFT_OVER) + one.counts.dropped[NotCompared.LEFT_OVER]
    assert left + one.matched() == 1
    assert one.executor.state == "stopped"


def test_a_turn_may_pause_between_calls_and_between_closings():
    """However many calls came at once, others have the interpreter after a few of them."""
    one = Running(lambda call: None)
    experiment = one._new_experiment()
    pauses = []
    for subject in range(1, 41):
        one.offer(subject)
    for now in (time.monotonic(), time.monotonic()):
        experiment.step(
            now, lambda: one.queue.take(100), breathe=lambda: pauses.append(one.matched())
        )
    assert len(pauses) >= 80
    assert len(set(pauses)) == 11
