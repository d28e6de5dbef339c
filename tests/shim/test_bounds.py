"""What keeps shadows small: the queue, the processor budget, the log's queue."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from shim.shadow.budget import CpuBudget
from shim.shadow.events import LiveEffect
from shim.shadow.publisher import BATCH, FORMAT, LIMIT, Publisher
from shim.shadow.queue import EventQueue

AT = datetime(2026, 1, 1, tzinfo=UTC)


def event(subject):
    """Return an event of this subject."""
    return LiveEffect(0.0, "side", subject, "someone", "something", None)


def test_a_full_queue_drops_counts_and_remembers_whose_it_was():
    """Nothing blocks; the subject of what was lost is handed on once."""
    queue = EventQueue(2)
    for subject in (1, 2, 3):
        queue.offer(event(subject))
    assert (len(queue), queue.dropped, queue.take_holed()) == (2, 1, {3})
    assert queue.take_holed() == set()


def test_events_come_out_as_they_went_in():
    """Oldest first, no more than asked for."""
    queue = EventQueue(10)
    for subject in (1, 2, 3):
        queue.offer(event(subject))
    assert [taken.subject for taken in queue.take(2)] == [1, 2]
    assert [taken.subject for taken in queue.take(2)] == [3]


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=200))
def test_a_shadow_within_its_share_is_never_paused(steps):
    """Using at most the share of each stretch of time keeps the budget open."""
    budget, now = CpuBudget(0.05), 0.0
    for step in steps:
        now += step
        budget.spend(step * 0.05, now=now)
        assert not budget.exhausted


def test_a_shadow_over_its_share_pauses_until_half_is_back():
    """The pause ends when half of what can be saved up is there again."""
    budget = CpuBudget(0.05, burst=2.0)
    budget.spend(0.0, now=0.0)
    budget.spend(0.2, now=0.1)
    assert budget.exhausted
    budget.spend(0.0, now=1.0)
    assert budget.exhausted
    budget.spend(0.0, now=4.0)
    assert not budget.exhausted


def test_only_a_shadow_far_over_its_share_must_stop_what_is_under_way():
    """The budget may be overdrawn by what it holds; then everything stops until half is back."""
    budget = CpuBudget(0.05, burst=2.0)
    budget.spend(0.15, now=0.0)
    assert (budget.exhausted, budget.overdrawn) == (True, False)
    budget.spend(0.06, now=0.0)
    assert (budget.exhausted, budget.overdrawn) == (True, True)
    budget.spend(0.0, now=60.0)
    assert (budget.exhausted, budget.overdrawn) == (False, False)


def test_lines_wait_until_it_can_be_said_who_writes_them():
    """What raises is said once; no line is lost, and none is without what each must have."""
    written, answers = [], [RuntimeError("no such process"), OSError("none yet"), {"host": "a"}]

    def common():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    publisher = Publisher([written.append], utc_now=lambda: AT, common=common)
    publisher.publish("divergence")
    with capture_logs() as said:
        for _ in range(4):
            publisher.flush()
    assert [line["event"] for line in said] == ["shadow_log_unwritable"]
    assert [json.loads(line)["host"] for line in written] == ["a"]


def test_lines_are_json_with_exact_amounts():
    """Decimals are numbers with all their places, and what JSON cannot say is its repr."""
    written = []
    publisher = Publisher([written.append], utc_now=lambda: AT)
    publisher.publish("divergence", amount=Decimal("123456789012.345678"), odd=object)
    publisher.flush()
    line = written[0].decode()
    assert "123456789012.345678" in line
    assert json.loads(line)["odd"] == "<class 'object'>"
    assert json.loads(line)["event"] == "divergence"


def test_a_sink_that_fails_is_reported_once_and_harms_no_other(logged):
    """A full disk costs its own lines only, and is said again only after it had worked."""
    written = []

    def full(data):
        raise OSError(28, "No space left on device")

    publisher = Publisher([full, written.append], utc_now=lambda: AT)
    for _ in range(3):
        publisher.publish("divergence")
        publisher.flush()
    assert len(written) == 3
    assert logged().count("shadow_log_unwritable") == 1


def test_a_log_that_cannot_keep_up_drops_and_counts():
    """The queue of lines is bounded as well."""
    publisher = Publisher([], utc_now=lambda: AT)
    for _ in range(LIMIT + 5):
        publisher.publish("divergence")
    assert publisher.dropped == 5


UNSAYABLE = "\ud800"
"""Half a character: no file in UTF-8 can hold it."""


def test_a_record_that_cannot_be_written_down_costs_its_own_line_only(logged):
    """It is counted and said once; the lines around it are whole."""
    written = []
    publisher = Publisher([written.append], utc_now=lambda: AT)
    for number in range(3):
        publisher.publish("divergence", number=number)
        publisher.publish("divergence", before="x" * 100, odd=UNSAYABLE)
    publisher.flush()
    assert [json.loads(line)["number"] for line in written[0].splitlines()] == [0, 1, 2]
    assert publisher.unencodable == 3
    assert logged().count("shadow_log_line_lost") == 1


def test_every_line_begins_with_the_version_and_the_common_fields():
    """They are asked for once, when the first line is written."""
    written, asked = [], []
    publisher = Publisher(
        [written.append], utc_now=lambda: AT, common=lambda: asked.append(1) or {"worker": 7}
    )
    assert asked == []
    for _ in range(BATCH + 1):
        publisher.publish("divergence")
    publisher.flush()
    assert asked == [1]
    assert [data.count(b"\n") for data in written] == [BATCH, 1]
    assert {(line["v"], line["worker"]) for line in map(json.loads, written[0].splitlines())} == {
        (FORMAT, 7)
    }
