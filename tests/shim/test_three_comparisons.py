"""Reach, truth and saying, on episodes of the real sides."""

from dataclasses import replace
from decimal import Decimal
from itertools import cycle

import pytest

from shim.balance.known import LEGACY_REACHES_NOBODY
from shim.shadow.episode import EPISODE_LIMIT
from shim.shadow.result import NotCompared
from tests.shim.harness import ENGAGED, Harness

MATCHED = {"matched": 1}


def test_the_fault_is_a_known_divergence_of_reach_alone():
    """Farming reaches nobody today: known in reach, and truth and saying match."""
    harness = Harness()
    harness.connect()
    harness.farm()
    harness.run()
    assert harness.outcomes() == {"reach": {"known": 1}, "truth": MATCHED, "saying": MATCHED}
    assert harness.results[0][1].known == LEGACY_REACHES_NOBODY


def test_a_boost_reaches_and_says_the_same_on_both_sides():
    """The connection-aware path matches in all three comparisons."""
    harness = Harness()
    harness.connect()
    harness.boost()
    harness.run()
    assert harness.outcomes() == {"reach": MATCHED, "truth": MATCHED, "saying": MATCHED}


def test_a_served_user_is_compared_as_well():
    """With the canonical in charge, production and counterfactual are the shadows."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.farm()
    harness.run()
    assert page.versions == [1]
    assert harness.outcomes() == {"reach": {"known": 1}, "truth": MATCHED, "saying": MATCHED}


def test_calls_of_one_window_are_one_episode():
    """Three calls within a window are folded and compared once."""
    harness = Harness()
    harness.connect()
    for _ in range(3):
        harness.boost()
        harness.run(0.03)
    harness.run()
    assert harness.counts.episodes == 1
    assert harness.outcomes() == {"reach": MATCHED, "truth": MATCHED, "saying": MATCHED}


def test_a_stale_balance_is_a_difference_of_saying():
    """A caller that worked the balance out wrongly is found in saying, not in truth."""
    harness = Harness()
    harness.connect()
    harness.boost(stale=True)
    harness.run()
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.found("saying") == {("balance.ton", "value")}


def test_a_cached_balance_is_a_difference_of_saying():
    """The user-id-only service would have said what the manager's cache held."""
    harness = Harness()
    harness.connect()
    harness.manager.remember(7, "0")
    harness.hook()
    harness.run()
    assert harness.found("saying") == {("balance.uni", "value")}


def test_a_dead_first_tab_is_a_difference_of_reach_that_is_known():
    """Legacy skips the tab after a dead one: so it was recorded in production."""
    harness = Harness()
    first = harness.connect(name="a")
    harness.connect(name="b")
    harness.connect(name="c")
    first.is_open = False
    harness.boost()
    harness.run()
    assert harness.outcomes()["reach"] == {"known": 1}
    assert harness.found("reach") == {("skipped.*", "extra")}


def test_a_user_without_a_connection_is_not_compared():
    """Where nobody can be told, matching silence is no evidence."""
    harness = Harness()
    harness.truth.open_account(7)
    harness.farm()
    harness.run()
    assert harness.reasons() == {"no_connection"}


def test_a_connection_that_comes_within_an_episode_makes_it_raced():
    """Both sides were asked at different times; that is counted, never a divergence."""
    harness = Harness()
    harness.connect(name="a")
    harness.boost()
    harness.connect(name="b")
    harness.run()
    assert harness.reasons() == {"raced"}
    assert not harness.results


def test_a_change_that_no_call_spoke_of_makes_saying_raced():
    """A booking between the last call and the window's close is no difference."""
    harness = Harness()
    harness.connect()
    harness.hook()
    harness.run(0.05)
    harness.truth.book(7, "5")
    harness.run()
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.outcomes()["saying"] == {"not_compared": 1}


def test_a_stream_that_legacy_never_sends_is_closed_by_force():
    """After a second an episode ends, is counted as forced, and is not compared."""
    harness = Harness()
    harness.connect()
    for _ in range(30):
        harness.boost()
        harness.run(0.06)
    assert harness.counts.forced >= 1
    assert harness.reasons() == {"forced"}


def test_a_subject_is_compared_again_after_a_forced_close():
    """Once nothing is pending, the next episode is a whole one."""
    harness = Harness()
    harness.connect()
    for _ in range(30):
        harness.boost()
        harness.run(0.06)
    harness.run(2.0)
    harness.boost()
    harness.run()
    assert harness.outcomes()["truth"]["matched"] == 1


def test_an_episode_that_becomes_busy_again_while_it_ends_is_compared_once(monkeypatch):
    """It is over by then, and not overdue as well, however long it took."""
    harness = Harness()
    harness.connect()
    harness.hook()
    harness.run(0.005)
    harness.clock.advance(EPISODE_LIMIT)
    harness.run(0.005)
    assert harness.experiment.open_episodes == 1
    answers = cycle((True, False))
    monkeypatch.setattr(harness.world, "live_is_idle", lambda _: next(answers))
    harness.run(0.005)
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.counts.forced == 0


def test_what_an_episode_that_was_given_up_left_to_legacy_is_not_compared():
    """Legacy's shadow still has a window open: the next episode is not about that."""
    harness = Harness()
    harness.connect()
    harness.boost()
    harness.run(0.05)
    harness.experiment.discard(NotCompared.BROKEN)
    harness.boost()
    harness.run()
    assert harness.reasons() == {"broken", "forced"}
    harness.boost()
    harness.run()
    assert harness.outcomes()["saying"] == {"matched": 1, "not_compared": 2}


def test_a_flip_within_an_episode_is_not_compared():
    """An episode that two sides served belongs to neither."""
    harness = Harness()
    harness.connect()
    harness.boost()
    harness.flip(percent=100)
    harness.boost()
    harness.run()
    assert harness.reasons() == {"flipped"}


def test_a_user_who_was_lost_for_a_moment_is_not_compared():
    """What the canonical had to say may have been dropped, though it serves again by now."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.hook()
    harness.run(0.05)
    harness.truth.failing = True
    harness.flip(latch=ENGAGED)
    harness.truth.failing = False
    harness.flip(latch=replace(ENGAGED, epoch=2, engaged=False))
    harness.run()
    assert page.versions == []
    assert harness.reasons() == {"flipped"}


def test_an_unreadable_database_is_counted_and_excuses_nobody():
    """Without the system of record nothing is compared."""
    harness = Harness()
    harness.connect()
    harness.boost()
    harness.truth.failing = True
    harness.run(1.2)
    assert harness.reasons() == {"unreadable"}


def test_a_lost_event_spoils_its_episode():
    """An episode with a hole in it is never compared."""
    harness = Harness(queue_limit=1)
    harness.connect()
    harness.boost()
    harness.boost()
    harness.run()
    assert harness.migration.queue.dropped >= 1
    assert harness.reasons() == {"queue_full"}


@pytest.mark.parametrize("percent", [0, 100])
def test_a_stage_without_shadow_compares_nothing(percent):
    """At 0 % sampling no episode is opened, whoever serves."""
    harness = Harness(percent=percent, shadow=0)
    harness.connect()
    harness.farm()
    harness.run()
    assert harness.counts.calls == 0


def test_comparison_goes_on_after_a_rollback():
    """With the latch engaged legacy serves, and the canonical is still compared."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.flip(latch=ENGAGED)
    harness.farm()
    harness.run()
    assert page.versions == []
    assert harness.outcomes()["reach"] == {"known": 1}
    assert harness.lines[0]["rolled_back"] is True


def test_a_divergence_names_no_user_id():
    """The log line calls the user by a pseudonym wherever an id stood."""
    harness = Harness()
    harness.connect(user_id=987654321)
    harness.farm(user_id=987654321)
    harness.run()
    text = repr(harness.lines)
    assert "user 987654321" in text
    assert "987654321" not in text.replace("user 987654321", "")


def test_a_stale_legacy_frame_is_counted():
    """A legacy frame older than what the canonical had shown is sent and counted."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.boost()
    harness.boost()
    harness.run()
    harness.flip(percent=0)
    now = harness.truth.read({7: 0})[7].transactions[0]
    harness.aware.notify_balance_update(
        harness.update(7, now.uni_after, now.ton_after, "0.5", "TON", "boost_income")
    )
    harness.run()
    assert len(page.texts) == 1
    assert harness.counts.stale_legacy == 1


def test_while_nothing_new_is_taken_on_what_is_under_way_is_finished():
    """An open episode ends as a match; a new one is not opened, and its call is counted."""
    harness = Harness()
    harness.connect(user_id=7, name="a")
    harness.connect(user_id=8, name="b")
    harness.boost(user_id=7)
    harness.run(0.01)
    harness.refuse = NotCompared.CPU_BUDGET
    harness.boost(user_id=8)
    harness.run()
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.counts.dropped == {NotCompared.CPU_BUDGET: 1}


def test_a_page_that_lacked_more_than_the_calls_speak_of_makes_saying_raced():
    """What nobody notified of is in the canonical's changes, and cannot be in the legacy's."""
    harness = Harness(percent=100)
    harness.connect()
    harness.truth.book(7, "3")
    harness.boost()
    harness.run()
    assert harness.outcomes()["truth"] == MATCHED
    assert harness.outcomes()["saying"] == {"not_compared": 1}


@pytest.mark.parametrize("percent", [0, 100])
def test_a_change_that_is_told_by_both_paths_is_one_change(percent):
    """A boost is told by the manager's hook and by its own call: no comparison counts it twice."""
    harness = Harness(percent=percent)
    page = harness.connect()
    harness.truth.book(7, "0.5", currency="TON", source="boost_income")
    now = harness.truth.read({7: None})[7]
    harness.by_id.notify_balance_update(7)
    harness.aware.notify_balance_update(
        harness.update(7, now.uni, now.ton, "0.5", "TON", "boost_income")
    )
    harness.run()
    outcomes = harness.outcomes()
    assert outcomes["truth"] == outcomes["saying"] == {"matched": 1}
    assert [frame.change_ton for frame in page.begun if percent] == [Decimal("0.5")] * (percent > 0)


@pytest.mark.parametrize("currency", ["UNI", "TON"])
def test_a_change_that_is_told_twice_with_a_stale_balance_is_known(currency):
    """The hook says what the cache holds, and the boost's own call says an older balance last."""
    harness = Harness(percent=0)
    harness.connect()
    before = harness.truth.read({7: None})[7]
    harness.truth.book(7, "3", currency=currency, source="mission")
    harness.by_id.notify_balance_update(7)
    harness.truth.book(7, "0.5", currency="TON", source="boost_income")
    harness.by_id.notify_balance_update(7)
    worked_out = before.ton + Decimal("0.5")
    harness.aware.notify_balance_update(
        harness.update(7, before.uni, worked_out, "0.5", "TON", "boost_income")
    )
    harness.run()
    outcomes = harness.outcomes()
    assert (outcomes["truth"], outcomes["saying"]) == ({"matched": 1}, {"known": 1})


def test_a_repair_of_what_legacy_showed_last_is_no_difference_of_truth():
    """The page knows the version, but was shown another balance since: it is due once more."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.farm()
    harness.run()
    harness.flip(percent=0)
    harness.aware.notify_balance_update(harness.update(7, "0.5", "0", "0", "UNI", "manual"))
    harness.run()
    harness.flip(percent=100)
    harness.by_id.notify_balance_update(7)
    harness.run()
    assert [(f.since, f.version, f.uni, f.change_uni) for f in page.begun][1:] == [
        (1, 1, 1, Decimal("0.5"))
    ]
    assert harness.outcomes()["truth"] == {"matched": 3}


def test_a_repeat_that_nothing_called_for_is_a_difference_of_truth():
    """A page that shows the version is not to be shown it once more."""
    harness = Harness(percent=100)
    page = harness.connect()
    harness.farm()
    harness.run()
    harness.by_id.notify_balance_update(7)
    entry = harness.migration.canonical.connections_of(7)[0]
    entry.offer(page.begun[0])
    harness.run()
    assert harness.outcomes()["truth"] == {"matched": 1, "mismatched": 1}
