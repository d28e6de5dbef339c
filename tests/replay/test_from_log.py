"""A case made from a line of the log alone: what it can show, and what it says it lacks."""

import json

import pytest

from shim.balance.lines import divergence_record
from shim.balance.replay.from_log import LACKS, case_of_line
from shim.replay.case import STAND_IN, CaseError, Source
from shim.replay.finding import Finding
from shim.replay.log import read_lines
from shim.shadow.publisher import Publisher
from tests.replay.stage import AT, at_fault, replayed, shadowed
from tests.replay.test_run import SCENES
from tests.shim.harness import Harness
from tests.shim.test_hostile_candidate import Raising


def log_of(harness):
    """Return the shadow log of a harness, as a worker writes it."""
    written = []
    publisher = Publisher(
        [written.append],
        utc_now=lambda: AT,
        common=lambda: {"host": "h", "worker": 1, "started": 1.0},
    )
    for number, (episode, result) in enumerate(harness.results, start=1):
        named = divergence_record(episode, result, lambda _: "a-hash", at=AT, number=number)
        publisher.put(named)
    publisher.publish("shadow_over_budget", share=0.05)
    publisher.flush()
    return b"".join(written)


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("scene", SCENES)
def test_a_line_is_enough_for_a_fault_that_what_was_said_shows(scene, percent):
    """It diverges with the fingerprint of the line, for a stand-in, and says what it lacks."""
    harness = Harness(percent=percent)
    scene(harness)
    harness.run()
    lines = read_lines(log_of(harness))
    assert len(lines) == len(harness.results) > 0
    for line in lines:
        case = case_of_line(line)
        assert (case.source, case.user, case.stand_in) == (Source.LOG, STAND_IN, True)
        found = replayed(case)
        assert (found.finding, found.lacks) == (Finding.STILL_DIVERGES, LACKS)


def test_a_line_that_does_not_differ_any_more_proves_nothing():
    """What it lacks may be the reason, so it is not said to be repaired."""
    harness = shadowed(Raising)
    harness.connect()
    harness.boost()
    harness.run()
    for line in read_lines(log_of(harness)):
        assert replayed(case_of_line(line), at_fault(Raising)).finding is Finding.STILL_DIVERGES
        assert replayed(case_of_line(line)).finding is Finding.NOT_SHOWN


def test_only_divergences_are_read():
    """Other events, other versions, cut and binary lines are passed over."""
    harness = Harness()
    harness.connect()
    harness.farm()
    harness.run()
    whole, other, _ = log_of(harness).split(b"\n")
    newer = json.dumps({**json.loads(whole), "v": 99}).encode()
    log = b"\n".join([whole[:100], b"\xff\x00", newer, other, whole, b"[" * 5000])
    assert len(read_lines(log)) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"observations": []}, "neither observations nor calls"),
        ({"calls": []}, "neither observations nor calls"),
        ({"observations": [{"to": "connection 99999999"}]}, "no user has so many"),
        ({"observations": [{"message": {"version": "x"}}]}, "cannot be read"),
    ],
)
def test_a_line_that_tells_too_little_is_refused(changes, problem):
    """By name, whatever is wrong with it."""
    harness = Harness()
    harness.connect()
    harness.farm()
    harness.run()
    line = json.loads(log_of(harness).split(b"\n")[0])
    if changes.get("observations"):
        effect = {"side": "canonical_shadow", "to": "connection 1", "message": None}
        observation = line["observations"][1]
        observation["effects"] = [{**effect, **changes["observations"][0]}]
    else:
        line |= changes
    [read] = read_lines(json.dumps(line).encode())
    with pytest.raises(CaseError, match=problem):
        case_of_line(read)
