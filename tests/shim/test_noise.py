"""The noise floor: legacy compared with itself, counted apart, by the same rules."""

import pytest

from flags.definition import bucket_of
from shim.balance.world import NOISE_GROUP
from tests.shim.harness import Harness

MATCHED = {"matched": 1}


def noisy(**changes):
    """Return a harness that compares legacy with itself for everybody."""
    return Harness(noise_percent=100, **changes)


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("by", ["boost", "hook", "farm"])
def test_legacy_matches_itself_whoever_serves_and_whoever_calls(by, percent):
    """Both comparisons are made, and the canonical's are what they were without."""
    harness, without = noisy(percent=percent), Harness(percent=percent)
    for each in (harness, without):
        each.connect()
        getattr(each, by)()
        each.run()
    assert harness.noise_outcomes() == {"reach": MATCHED, "saying": MATCHED}
    assert harness.outcomes() == without.outcomes()
    assert harness.counts.episodes == without.counts.episodes == 1
    assert harness.noise == []


@pytest.mark.parametrize(
    ("percent", "by", "sides"),
    [
        (0, "boost", {"production_shadow"}),
        (0, "hook", {"counterfactual_twin"}),
        (100, "boost", {"production_shadow", "counterfactual_twin"}),
    ],
)
def test_live_is_put_against_shadow_where_the_live_legacy_can_say_anything(percent, by, sides):
    """Else the counterfactual is put against one that is asked at another time."""
    harness = noisy(percent=percent)
    harness.connect()
    getattr(harness, by)()
    harness.run(0.01)
    [episode] = harness.experiment._open.values()
    names = {str(side.name) for side in episode.shadows}
    assert names - {"canonical_shadow", "counterfactual_legacy"} == sides


def test_what_the_live_legacy_does_by_itself_is_noise():
    """A dead tab was dropped by the live one at the first call; a shadow finds it every time."""
    harness = noisy()
    pages = [harness.connect(name=name) for name in "abc"]
    pages[0].is_open = False
    for _ in range(2):
        harness.boost()
        harness.run()
    assert harness.noise_outcomes()["reach"] == {"matched": 1, "mismatched": 1}
    [reach] = [result for result in harness.noise if result.comparison == "reach"]
    assert [(each.path, each.kind) for each in reach.differences] == [("recipients.*", "missing")]
    assert "noise of reach" in {cell.comparison for cell in harness.counts.cells}


def test_a_difference_of_noise_is_no_divergence():
    """It is published apart, and in no count of the canonical's comparisons."""
    harness = noisy()
    pages = [harness.connect(name=name) for name in "abc"]
    pages[0].is_open = False
    for _ in range(2):
        harness.boost()
        harness.run()
    assert {result.noise for result in harness.noise} == {True}
    assert {result.noise for _, result in harness.results} == {False}
    compared = harness.counts.snapshot()
    assert {name: sums["compared"] for name, sums in compared["activity"].items()} == {
        "lone": 3,
        "few": 3,
    }
    assert compared["comparisons"]["reach"]["compared"] == 2
    assert compared["noise"]["reach"]["compared"] == 2
    assert "truth" not in compared["noise"]


def test_a_balance_that_came_between_the_two_looks_is_raced():
    """As it is for the canonical: nothing that no call spoke of is a difference."""
    harness = noisy()
    harness.connect()
    harness.hook()
    harness.run(0.05)
    harness.truth.book(7, "5")
    harness.run()
    assert harness.noise_outcomes() == {"reach": MATCHED, "saying": {"not_compared": 1}}


def test_an_episode_that_is_not_compared_is_not_compared_with_itself_either():
    """With the same reason: noise has its own denominator, and what was left out of it."""
    harness = noisy()
    harness.connect()
    harness.boost()
    harness.flip(percent=100)
    harness.boost()
    harness.run()
    assert {str(reason) for _, reason in harness.counts.noise_reasons} == {"flipped"}
    assert harness.noise_outcomes()["saying"] == {"not_compared": 1}


def test_a_share_of_the_users_is_sampled_for_all_of_their_episodes():
    """By their id, apart from the buckets of both flags; the others' episodes cost nothing."""
    harness = Harness(noise_percent=20)
    users = range(1, 101)
    for user in users:
        harness.connect(user_id=user, name=f"page {user}")
    for _ in range(2):
        for user in users:
            harness.boost(user_id=user)
        harness.run()
    sampled = sum(bucket_of(NOISE_GROUP, user) <= 20 for user in users)
    assert harness.noise_outcomes()["saying"] == {"matched": 2 * sampled}
    assert harness.outcomes()["saying"] == {"matched": 200}
    assert 5 <= sampled <= 40


def test_without_a_share_legacy_is_not_compared_with_itself():
    """No shadow more is run, and nothing is counted."""
    harness = Harness()
    harness.connect()
    harness.boost()
    harness.run()
    assert not harness.counts.noise
    assert harness.noise_outcomes() == {"reach": {}, "saying": {}}
