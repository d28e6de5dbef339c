"""The legacy services do what production was recorded doing.

`LEGACY_VECTORS`, a glob, names other recordings; the default are the copies in `tests/data`.
A scenario whose name starts with `real_manager` was recorded with production's own balance
manager, which answers an envelope.
"""

import glob
import json
import os
from pathlib import Path

import pytest

from tests.legacy.player import Player, UnknownStepError, manager_of, without_timestamps

DEFAULT = str(Path(__file__).parents[1] / "data" / "*.json")
PATTERN = os.environ.get("LEGACY_VECTORS") or DEFAULT


def recordings(pattern):
    """Return the files that the pattern matches, in order; none is a failure."""
    files = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - patterns may be absolute
    if not files:
        raise FileNotFoundError(
            f"LEGACY_VECTORS={pattern!r} matches no file: name recordings, or unset it"
        )
    return [Path(file) for file in files]


def scenarios():
    """Return every scenario of every recording, named after both."""
    return [
        pytest.param(scenario, id=f"{file.stem}:{scenario['name']}")
        for file in recordings(PATTERN)
        for scenario in json.loads(file.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("scenario", scenarios())
def test_recorded_scenario_is_reproduced_step_by_step(scenario):
    """What leaves on each step, and in which order, is what was recorded."""
    player = Player(scenario["service"], manager=manager_of(scenario))
    for number, step in enumerate(scenario["steps"]):
        sent, stats = player.play(step)
        said = f"{scenario['name']}, step {number}: {step['do']}"
        assert sent == without_timestamps(step.get("sent", [])), said
        if "stats" in step:
            assert stats == step["stats"], said


def test_pattern_that_matches_no_recording_is_a_failure(tmp_path):
    """A misspelt LEGACY_VECTORS never passes for want of scenarios."""
    with pytest.raises(FileNotFoundError, match="matches no file"):
        recordings(str(tmp_path / "*.json"))


def test_recording_with_an_unknown_step_is_a_failure():
    """A step that the player cannot do is named, not passed over."""
    with pytest.raises(UnknownStepError, match="'juggle'"):
        Player("connection_aware").play({"do": "juggle", "sent": []})


def test_recording_of_an_unknown_service_is_a_failure():
    """A service that the player cannot build is named."""
    with pytest.raises(UnknownStepError, match="'third'"):
        Player("third")
