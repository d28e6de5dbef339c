"""Why a user's calls go where they go, and what reached the page last."""

from flags.latch import Latch
from shim.explain import explain
from tests.shim.harness import ENGAGED, Harness

WITHIN_10, BEYOND_50 = 10, 33


def test_a_user_is_explained_by_flag_bucket_and_revision() -> None:
    """Side, reason, bucket and the revision that decided; sampling is told apart."""
    harness = Harness(percent=50, shadow=0)
    reached = explain(harness.migration, WITHIN_10)
    assert (reached["side"], reached["bucket"], reached["sampled"]) == ("canonical", 7, False)
    assert (reached["stage"], reached["flag_revision"]) == (
        "ramp",
        harness.provider.state.revision,
    )
    left = explain(harness.migration, BEYOND_50)
    assert (left["side"], left["bucket"]) == ("legacy", 91)
    assert reached["reason"] != left["reason"]


def test_a_user_in_the_cohort_is_explained_as_such() -> None:
    """Whom a person named is served whatever the bucket."""
    harness = Harness(percent=0, cohort=(BEYOND_50,))
    assert explain(harness.migration, BEYOND_50)["side"] == "canonical"
    assert explain(harness.migration, WITHIN_10)["side"] == "legacy"


def test_after_a_rollback_the_latch_is_the_reason() -> None:
    """Who engaged it and why is in the answer, whatever the flags say."""
    harness = Harness(percent=100)
    harness.flip(latch=ENGAGED)
    found = explain(harness.migration, WITHIN_10)
    assert (found["side"], found["reason"], found["stage"]) == (
        "legacy",
        "rolled_back",
        "rolled_back",
    )
    assert found["latch"] == {"engaged": True, "epoch": 1, "who": "test", "why": "a rollback"}


def test_a_page_is_told_with_what_reached_it_last_and_from_whom() -> None:
    """Nothing yet, then the legacy's frame, then the canonical's with its version."""
    harness = Harness(shadow=0)
    harness.connect(7, "page")

    def page() -> dict[str, object]:
        (found,) = explain(harness.migration, 7)["connections"]
        return found

    assert page() == {"id": "page", "open": True, "last_version": 0, "last_sent_by": None}
    harness.boost()
    harness.run()
    assert page()["last_sent_by"] == "legacy_connection_aware"
    released = Latch(2, False, "test", ENGAGED.when, "resumed")
    harness.flip(percent=100, shadow=0, latch=released)
    version = harness.farm()
    harness.run()
    assert (page()["last_version"], page()["last_sent_by"]) == (version, "canonical")


def test_a_connection_of_both_paths_is_told_once() -> None:
    """Registered twice it is still one page; a closed one is told as closed."""
    harness = Harness()
    page = harness.connect(7, "page")
    harness.by_id.add_connection(7, page)
    harness.connect(7, "other")
    page.is_open = False
    found = explain(harness.migration, 7)["connections"]
    assert [(each["id"], each["open"]) for each in found] == [("page", False), ("other", True)]


def test_a_user_without_a_page_is_explained_all_the_same() -> None:
    """Nobody connected is an empty list, not an error."""
    assert explain(Harness().migration, 7)["connections"] == []
