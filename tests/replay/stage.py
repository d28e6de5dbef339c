"""Divergences found on the harness, captured as a worker captures them."""

from datetime import UTC, datetime

from app.notifications.ports import BalanceHint, TruthUnavailable
from app.notifications.service import BalanceNotifications
from app.replayers import new_page
from app.replaying import read_case
from shim.balance.replay.capture import case_of
from shim.balance.replay.run import replay
from shim.replay.case import encode
from tests.shim.harness import Harness

AT = datetime(2026, 1, 1, tzinfo=UTC)


def canonical(clock, truth, bus, serves):
    """Build the canonical service that ships."""
    return BalanceNotifications(truth=truth, clock=clock, serves=serves, bus=bus)


def at_fault(hostile):
    """Return what builds a canonical that misbehaves."""
    return lambda clock, truth, bus, serves: hostile.build(clock, truth, serves, bus)


def replayed(case, build=canonical):
    """Run a case on the sides as they are now, or on another canonical."""
    return replay(
        case,
        new_canonical=build,
        new_hint=BalanceHint,
        new_page=new_page,
        unavailable=TruthUnavailable,
    )


def cases(harness):
    """Return every divergence of a harness as a case, read back from what is kept of it."""
    return [
        read_case(encode(case_of(episode, result, AT)), name="the record")
        for episode, result in harness.results
    ]


def shadowed(hostile, **options):
    """Return a harness whose canonical misbehaves, live and as a shadow."""
    return Harness(canonical=hostile.build, **options)
