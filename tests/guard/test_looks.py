"""What a guard makes of counts right after a resume."""

from datetime import UTC, datetime

import pytest

from app.guard_looks import LOOK_OVER_ALL_S, GuardAlone, GuardOverAll
from flags.latch import Latch
from flags.stage import Stage
from shim.guard.judging import Guarded
from shim.guard.record import GuardStoreError, Kept
from shim.guard.totals import Context


class Counting:
    """A migration under guard that counted so many wrong amounts."""

    name = "a-migration"
    stage = Stage.RAMP
    percentage = 5
    guarded = Guarded()
    context = Context()
    harms = 0

    def counted(self):
        """Return what was counted since the start."""
        return {"harm wrong_amount": self.harms}

    def sample(self, _):
        """Return what one looked like."""
        return "{}"


def open_latch(epoch):
    """Return a latch that lets the flags decide."""
    return Latch(epoch, False, "ann", datetime.now(UTC), "repaired")


def test_what_was_still_being_compared_at_a_resume_is_not_held_against_it():
    """What began before it ends within a second; only what comes after that trips."""
    each, clock, trips = Counting(), [0.0], []
    guard = GuardAlone(
        each, lambda _, found: trips.append(found.ruling.message), monotonic=lambda: clock[0]
    )
    guard.look(open_latch(1))
    guard.look(open_latch(3))
    for clock[0], each.harms in ((0.5, 1), (1.0, 2), (1.5, 2)):
        guard.look(open_latch(3))
    assert trips == []
    each.harms = 3
    guard.look(open_latch(3))
    assert trips == ["wrong_amount: 1 seen, 0 borne"]


def test_what_was_counted_before_the_first_look_of_a_worker_trips():
    """A worker that starts has no earlier epoch to forget."""
    each, trips = Counting(), []
    each.harms = 1
    GuardAlone(each, lambda _, found: trips.append(found.ruling.limit)).look(open_latch(1))
    assert trips == ["wrong_amount"]


class Shelf:
    """A store of the guard's record, which may be away."""

    def __init__(self):
        self.kept, self.is_away = Kept(), False

    def read(self):
        """Return the record."""
        return self.kept

    def write(self, record, *, after):
        """Keep a record."""
        self.kept = Kept(record, after + 1)
        return True

    def totals(self):
        """Return that nothing was counted, or raise."""
        if self.is_away:
            raise GuardStoreError("the database is away")
        return {}


def test_time_in_which_nobody_could_look_does_not_count_for_the_step():
    """Neither an hour without the database, nor one in which the process was stopped."""
    shelf, clock = Shelf(), [0.0]
    guard = GuardOverAll(Counting(), shelf, lambda *_: None, monotonic=lambda: clock[0])

    def watch(seconds):
        for _ in range(round(seconds / LOOK_OVER_ALL_S)):
            clock[0] += LOOK_OVER_ALL_S
            guard.look(open_latch(1))

    guard.look(open_latch(1))
    watch(60)
    watched = shelf.kept.record.step.seconds
    assert 50 < watched < 60
    shelf.is_away = True
    for _ in range(4):
        clock[0] += 900.0
        with pytest.raises(GuardStoreError):
            guard.look(open_latch(1))
    shelf.is_away = False
    watch(60)
    clock[0] += 3600.0
    watch(60)
    assert watched + 110 < shelf.kept.record.step.seconds < watched + 130
