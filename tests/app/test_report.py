"""The evidence: newest counts of each worker, verdicts from their own numbers, damage counted."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.report import Report, Terms, Verdict, judge
from shim.report import report_of as report
from shim.report_scan import MOST_GROUPS, MOST_SNAPSHOTS, Scan
from shim.report_tally import Tally
from shim.shadow.result import Comparison


def numbers(
    matched: int = 0, *, known: int = 0, mismatched: int = 0, **reasons: int
) -> dict[str, Any]:
    """Return one comparison's numbers as a worker writes them."""
    return {
        "compared": matched + known + mismatched,
        "matched": matched,
        "known": known,
        "mismatched": mismatched,
        "not_compared": sum(reasons.values()),
        "reasons": reasons,
    }


def counts(worker: int = 1, *, second: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a line of counts."""
    line = {
        "v": 1,
        "event": "shadow_counts",
        "at": f"2026-01-01T00:00:{second:02}Z",
        "host": "host",
        "worker": worker,
        "started": 1.5,
        "stage": "shadow",
        "shadow": "running",
        "routed": {
            "connection-aware": {"legacy": 3, "canonical": 1, "invalid_user_id": 0},
            "user-id-only": {"legacy": 2, "canonical": 0, "invalid_user_id": 1},
        },
        "calls": 7,
        "episodes": 5,
        "forced": 1,
        "stale_legacy": 2,
        "dropped": {"queue_full": 0},
        "comparisons": {str(comparison): numbers(5) for comparison in Comparison},
    }
    return {**line, **changes}


def divergence(fingerprint: str = "f1", *, second: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a line of one divergence."""
    line = {
        "v": 1,
        "event": "divergence",
        "at": f"2026-01-01T00:00:{second:02}Z",
        "host": "host",
        "worker": 1,
        "started": 1.5,
        "stage": "shadow",
        "comparison": "reach",
        "outcome": "mismatched",
        "known": None,
        "fingerprint": fingerprint,
        "number": 1,
        "user": "a1b2",
        "serving": "user_id_only",
        "decision": None,
        "calls": [{"path": "user_id_only", "caller": "batch.process"}],
        "seconds": 0.1,
        "differences": [
            {"path": "recipients", "kind": "missing", "expected": ["a"], "actual": []},
            {"path": "balance.uni", "kind": "value", "expected": 1.5, "actual": 2},
        ],
    }
    return {**line, **changes}


def told(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a line with the totals of groups of which not every divergence has a line."""
    line = {
        "v": 1,
        "event": "divergence_counts",
        "at": "2026-01-01T00:00:30Z",
        "host": "host",
        "worker": 1,
        "started": 1.5,
        "lines": 10,
        "groups": list(groups),
    }
    return {**line, **changes}


def total(count: Any, **changes: Any) -> dict[str, Any]:
    """Return the total of one group of one process."""
    return {"comparison": "reach", "fingerprint": "f1", "known": "", "count": count, **changes}


def report_of(
    *lines: dict[str, Any] | str,
    terms: Terms | None = None,
    since: datetime | None = None,
    whole: bool = False,
) -> Report:
    """Return the report on these lines."""
    text = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    scan = Scan(since=since)
    scan.add("".join(line.rstrip("\n") + "\n" for line in text).encode(errors="replace"))
    return report(scan, terms or Terms(), whole=whole)


def test_the_newest_counts_of_each_worker_are_summed() -> None:
    """Counters only grow: of one worker the newest line holds, of several all are added."""
    found = report_of(
        counts(1, second=1, calls=1),
        counts(1, second=3, calls=10),
        counts(2, second=2, calls=100),
    )
    assert (found.workers, found.calls, found.episodes, found.lines) == (2, 110, 10, 3)
    assert (found.forced, found.stale_legacy) == (2, 4)
    assert found.routed == {"legacy": 10, "canonical": 2, "invalid_user_id": 2}
    assert found.comparisons["truth"].compared == 10


def test_the_newest_counts_are_told_by_their_time() -> None:
    """A rotated log may be given after the one that is written now."""
    found = report_of(counts(second=9, calls=50), counts(second=8, calls=40))
    assert found.calls == 50


@pytest.mark.parametrize("other", [{"started": 2.5}, {"host": "elsewhere"}, {"worker": 2}])
def test_a_process_is_told_by_host_pid_and_start(other: dict[str, Any]) -> None:
    """A pid that is used again, here or on another host, is another worker."""
    assert report_of(counts(), counts(**other)).workers == 2


@pytest.mark.parametrize(
    ("tally", "dropped", "verdict"),
    [
        (Tally(), 0, Verdict.NOT_RUNNING),
        (Tally(left_out=5), 9, Verdict.NOT_RUNNING),
        (Tally(compared=1), 0, Verdict.PASS),
        (Tally(compared=10, known=6), 0, Verdict.PASS),
        (Tally(compared=1000, mismatched=1), 0, Verdict.FAIL),
        (Tally(compared=1, mismatched=1, left_out=99), 99, Verdict.FAIL),
        (Tally(compared=95, left_out=5), 0, Verdict.PASS),
        (Tally(compared=94, left_out=6), 0, Verdict.INCONCLUSIVE),
        (Tally(compared=95), 5, Verdict.PASS),
        (Tally(compared=94), 6, Verdict.INCONCLUSIVE),
        (Tally(compared=95, left_out=3), 3, Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_follows_from_its_own_numbers(
    tally: Tally, dropped: int, verdict: Verdict
) -> None:
    """No data is never a pass, one mismatch fails, over 5 % left out says nothing."""
    assert judge(tally, dropped, Terms()).verdict is verdict


def test_a_verdict_has_the_numbers_behind_it() -> None:
    """What was seen, what it may still be, and how many more comparisons a limit takes."""
    judged = judge(Tally(compared=1000, known=3), 0, Terms(limit=0.001))
    assert (judged.verdict, judged.rate) == (Verdict.INCONCLUSIVE, 0.0)
    assert judged.bound == pytest.approx(0.0029913, abs=1e-6)
    assert judged.why == "0 of 1000 diverged, at most 0.299% at 95 %: 1995 more are needed"
    assert judge(Tally(compared=2995), 0, Terms(limit=0.001)).verdict is Verdict.PASS
    assert judge(Tally(compared=2995), 0, Terms(0.99, 0.001)).verdict is Verdict.INCONCLUSIVE
    failed = judge(Tally(compared=100, mismatched=2), 0, Terms())
    assert failed.why == "2 of 100 diverged, at most 6.162% at 95 %"


def test_the_noise_floor_is_subtracted_from_the_bound() -> None:
    """The upper bound of the rate less the lower bound of legacy's from itself, never below 0."""
    judged = judge(Tally(compared=1000, mismatched=20), 0, Terms(), Tally(500, mismatched=10))
    assert judged.noise is not None
    assert (judged.noise.compared, judged.noise.diverged, judged.noise.rate) == (500, 10, 0.02)
    assert judged.noise.floor == pytest.approx(0.0108899, abs=1e-6)
    assert judged.bound == pytest.approx(0.0289301, abs=1e-6)
    assert judged.beyond_noise == pytest.approx(judged.bound - judged.noise.floor)
    assert judged.verdict is Verdict.FAIL
    assert judged.why == (
        "20 of 1000 diverged, at most 2.893% at 95 %; legacy from itself 10 of 500, at least"
        " 1.089%: at most 1.804% beyond noise"
    )


def test_a_divergence_fails_unless_nothing_is_left_beyond_noise() -> None:
    """It must be as good as sure that legacy differs from itself more often than that."""
    few = Tally(compared=10_000, mismatched=5)
    assert judge(few, 0, Terms(), Tally(10_000, mismatched=5)).verdict is Verdict.FAIL
    quiet = judge(few, 0, Terms(), Tally(10_000, mismatched=50))
    assert (quiet.verdict, quiet.beyond_noise) == (Verdict.PASS, 0.0)
    assert judge(few, 0, Terms(), Tally()).verdict is Verdict.FAIL
    left_out = few._replace(left_out=1_000)
    assert judge(left_out, 0, Terms(), Tally(10_000, mismatched=50)).verdict is (
        Verdict.INCONCLUSIVE
    )


def test_a_limit_is_kept_by_what_is_beyond_noise() -> None:
    """Fewer comparisons are needed where legacy is known to be noisy; none without data."""
    terms, noise = Terms(limit=0.001), Tally(1000, mismatched=10)
    assert judge(Tally(compared=1000), 0, terms, Tally(1000)).verdict is Verdict.INCONCLUSIVE
    assert judge(Tally(compared=1000), 0, terms, noise).verdict is Verdict.PASS
    assert judge(Tally(), 0, terms, noise).verdict is Verdict.NOT_RUNNING


def test_noise_never_turns_a_fail_of_truth_into_anything_else() -> None:
    """Whatever a log says: legacy has no truth of its own that could be subtracted."""
    told = counts(
        comparisons={str(each): numbers(999, mismatched=1) for each in Comparison},
        noise={str(each): numbers(0, mismatched=1000) for each in Comparison},
    )
    found = report_of(told)
    assert {name: str(found.verdict(name)) for name in found.comparisons} == {
        "reach": "pass",
        "truth": "fail",
        "saying": "pass",
    }
    assert found.judged("truth").noise is None
    assert found.judged_in("shadow", "truth").verdict is Verdict.FAIL


def test_noise_is_that_of_the_stage() -> None:
    """With its own denominator, from all workers; a log without any has a floor of 0."""
    noise = {"saying": numbers(8, mismatched=2, raced=3)}
    found = report_of(counts(noise=noise), counts(2, noise=noise), counts(3))
    for judged in (found.judged("saying"), found.judged_in("shadow", "saying")):
        assert judged.noise is not None
        assert (judged.noise.compared, judged.noise.diverged) == (20, 4)
        assert judged.noise.not_compared == 6
    floor = report_of(counts()).judged("saying").noise
    assert floor is not None
    assert (floor.compared, floor.rate, floor.floor) == (0, None, 0.0)


def test_each_stage_has_the_numbers_that_were_counted_in_it() -> None:
    """A line has what was served at one stage, whenever it is written; its numbers only grow."""

    def counted(minute: int, stage: str, compared: int) -> dict[str, Any]:
        comparisons = {str(comparison): numbers(compared) for comparison in Comparison}
        at = f"2026-01-01T00:{minute}:00Z"
        return counts(at=at, stage=stage, comparisons=comparisons)

    lines = [
        counted(10, "shadow", 100),
        counted(20, "ramp", 30),
        counted(21, "shadow", 105),  # of episodes that were open at the flip
        counted(30, "ramp", 50),
        counted(40, "shadow", 190),
    ]
    for order in (lines, lines[::-1]):
        found = report_of(*order)
        assert found.judged_in("shadow", "truth").compared == 190
        assert found.judged_in("ramp", "truth").compared == 50
        assert found.comparisons["truth"].compared == 190 + 50
        points = found.over_time["truth"]
        assert [point.compared for point in points] == [100, 30, 5, 20, 85]


def at_epoch(epoch: int, minute: int, *, engaged: bool = False, **changes: Any) -> dict[str, Any]:
    """Return a line of counts of the epoch that began with this minute."""
    begun = f"2026-01-01T00:{minute:02}:00+00:00"
    line = {"epoch": epoch, "epoch_begun": begun, "resumed": not engaged, "at": begun}
    return counts(**(line | {"stage": "rolled_back" if engaged else "ramp"} | changes))


INCIDENT = [
    at_epoch(0, 1, comparisons={"truth": numbers(400)}),
    at_epoch(5, 10, comparisons={"truth": numbers(90, mismatched=10)}),
    divergence(epoch=5, comparison="truth", at="2026-01-01T00:11:00Z"),
    told(total(10, comparison="truth", epoch=5)),
    at_epoch(6, 20, engaged=True, comparisons={"truth": numbers(30, mismatched=3)}),
    at_epoch(7, 30, comparisons={"truth": numbers(50)}),
    divergence(epoch=7, comparison="reach", known="an-id", at="2026-01-01T00:31:00Z"),
    at_epoch(8, 40, engaged=True, comparisons={"truth": numbers(20)}),
]
"""A ramp that diverged, was rolled back, was repaired and resumed, and rolled back by hand."""


def test_verdicts_are_of_the_time_since_the_last_resume() -> None:
    """A repaired incident fails no later report, and what came after a resume is all judged."""
    for order in (INCIDENT, INCIDENT[::-1]):
        found = report_of(*order)
        assert (found.verdict("truth"), found.comparisons["truth"].compared) == ("pass", 70)
        assert {each.comparison for each in found.groups} == {"reach"}
        assert str(found.judged_time) == (
            "since the last resume, epoch 7, 2026-01-01T00:30:00+00:00"
        )
        assert found.over_time["truth"][0].at > datetime(2026, 1, 1, 0, 29, tzinfo=UTC).timestamp()


def test_all_that_logs_hold_is_judged_if_asked() -> None:
    """The incident is in it, and so is what was said before there was any."""
    found = report_of(*INCIDENT, whole=True)
    assert (found.verdict("truth"), found.comparisons["truth"].compared) == ("fail", 603)
    assert [(each.comparison, each.count) for each in found.groups] == [("truth", 10), ("reach", 1)]
    assert str(found.judged_time) == "all that was counted"


def test_a_drill_is_no_resume() -> None:
    """It proves nothing of the canonical, so what was found before it stands."""
    drilled = [at_epoch(9, 50, resumed=False, comparisons={"truth": numbers(5)})]
    assert report_of(*INCIDENT, *drilled).judged_time.epoch == 7


def test_logs_before_any_rollback_are_judged_whole() -> None:
    """Nobody resumed, so nothing is left out."""
    assert str(report_of(INCIDENT[0]).judged_time) == "all that was counted"


def test_what_came_up_to_a_given_time_is_taken_off() -> None:
    """Counts, drops, divergences with a line and without: each less what there was by then."""
    truth = [numbers(100), numbers(100, mismatched=4), numbers(130, mismatched=6, raced=2)]
    lines = [
        *(
            counts(
                at=f"2026-01-01T0{hour}:00:00Z",
                comparisons={"truth": each},
                dropped={"cpu_budget": 10 * hour},
                calls=7 * (hour + 1),
            )
            for hour, each in enumerate(truth)
        ),
        divergence("old", second=1, comparison="truth"),
        divergence("both", second=1, comparison="truth"),
        divergence("both", comparison="truth", at="2026-01-01T01:30:00Z"),
        told(total(3, fingerprint="both", comparison="truth"), at="2026-01-01T01:31:00Z"),
    ]
    since = datetime(2026, 1, 1, 1, tzinfo=UTC)
    for order in (lines, lines[::-1]):
        found = report_of(*order, since=since)
        judged = found.judged("truth")
        assert (judged.compared, judged.diverged, judged.not_compared) == (32, 2, 12)
        assert (found.calls, found.dropped) == (7, {"cpu_budget": 10})
        assert [(each.fingerprint, each.count) for each in found.groups] == [("both", 2)]
        assert str(found.judged_time) == "since 2026-01-01T01:00:00+00:00"


def test_a_clock_that_is_set_back_neither_hides_nor_doubles_what_was_counted() -> None:
    """Of one worker the lines are in the order of its counters, which only grow."""

    def counted(at: str, stage: str, compared: int) -> dict[str, Any]:
        comparisons = {str(comparison): numbers(compared) for comparison in Comparison}
        return counts(at=f"2026-01-01T{at}Z", stage=stage, comparisons=comparisons)

    lines = [
        counted("12:00:00", "shadow", 100),
        counted("11:00:00", "shadow", 120),  # an hour back
        counted("11:30:00", "ramp", 30),
        counted("11:30:10", "ramp", 40),  # in one place of the grid with the one before
        counted("11:30:05", "ramp", 50),
        counted("11:59:00", "ramp", 80),
    ]
    for order in (lines, lines[::-1]):
        found = report_of(*order)
        assert found.comparisons["truth"].compared == 200
        assert found.judged_in("shadow", "truth").compared == 120
        assert found.judged_in("ramp", "truth").compared == 80
        assert sum(point.compared for point in found.over_time["truth"]) == 200


def test_a_line_of_another_version_is_counted_and_passed_over() -> None:
    """Whatever its fields are, nothing is read out of them."""
    other = report_of(counts(), divergence(v=2), without(divergence(), "v"), counts(v="1"))
    assert (other.lines, other.damaged, other.other_version) == (4, 0, 3)
    assert (other.workers, other.groups) == (1, ())


def test_a_million_fingerprints_are_held_in_bounds() -> None:
    """The first ones are groups; of the rest the number is known."""
    scan = Scan()
    for part in range(3):
        lines = [divergence(f"{part}-{number}") for number in range(MOST_GROUPS)]
        scan.add("".join(json.dumps(line) + "\n" for line in lines).encode())
    found = report(scan, Terms())
    assert (len(found.groups), found.ungrouped) == (MOST_GROUPS, 2 * MOST_GROUPS)
    assert found.callers == {"batch": MOST_GROUPS}


def test_days_of_counts_are_held_in_bounds() -> None:
    """The grid of time grows coarser; nothing is lost from the sums."""
    scan = Scan()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for minute in range(60 * 24 * 30):
        line = counts(at=(begin + timedelta(minutes=minute)).isoformat())
        line["comparisons"] = {str(comparison): numbers(minute) for comparison in Comparison}
        scan.add(json.dumps(line).encode())
    assert len(scan.snapshots) <= MOST_SNAPSHOTS
    assert report(scan, Terms()).judged_in("shadow", "reach").compared == 60 * 24 * 30 - 1


def test_each_comparison_has_its_own_verdict() -> None:
    """One comparison's numbers never speak for another."""
    found = report_of(
        counts(
            comparisons={
                "reach": numbers(1, known=3),
                "truth": numbers(3, mismatched=1),
                "saying": numbers(no_connection=4),
            }
        )
    )
    assert {name: str(found.verdict(name)) for name in found.comparisons} == {
        "reach": "pass",
        "truth": "fail",
        "saying": "not running",
    }


def test_an_empty_log_passes_nothing() -> None:
    """Without a line every comparison is shown, and none has run."""
    found = report_of()
    assert {found.verdict(str(comparison)) for comparison in Comparison} == {Verdict.NOT_RUNNING}
    assert (found.lines, found.damaged, found.workers, found.groups) == (0, 0, 0, ())


def without(line: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a line that lacks a field."""
    return {key: value for key, value in line.items() if key != name}


DAMAGED = {
    "a cut line": json.dumps(counts())[:-40],
    "two lines in one": json.dumps(counts()) * 2,
    "an empty line": "\n",
    "binary": b"\x00\xff\xfe\x80{".decode(errors="replace"),
    "a number": "5",
    "a list": "[]",
    "null": "null",
    "too deep": "[" * 100_000,
    "no event": "{}",
    "an event that is no text": '{"event": 5}',
    "counts of nobody": json.dumps(without(counts(), "worker")),
    "counts without a denominator": json.dumps(without(counts(), "dropped")),
    "counts without a time": json.dumps(without(counts(), "at")),
    "a worker that is a list": json.dumps(counts(worker=[])),  # type: ignore[arg-type]
    "counts that are text": json.dumps(counts(calls="7")),
    "drops that are text": json.dumps(counts(dropped="queue_full")),
    "drops counted in text": json.dumps(counts(dropped={"queue_full": "many"})),
    "a negative count": json.dumps(counts(episodes=-1)),
    "an unknown comparison": json.dumps(counts(comparisons={"taste": numbers(1)})),
    "comparisons that are a list": json.dumps(counts(comparisons=[1])),
    "a divergence without a fingerprint": json.dumps(without(divergence(), "fingerprint")),
    "a fingerprint that is a list": json.dumps(divergence(fingerprint=[])),  # type: ignore[arg-type]
    "a time that is none": json.dumps(divergence(at=5)),
    "a time without a zone": json.dumps(divergence(at="2026-01-01T00:00:00")),
    "differences that are none": json.dumps(divergence(differences=[5])),
    "totals of no group": json.dumps(told(5)),  # type: ignore[arg-type]
    "a total that is text": json.dumps(told(total("5"))),
    "a negative total": json.dumps(told(total(-5))),
    "totals of nobody": json.dumps(without(told(total(5)), "host")),
    "an unknown outcome": json.dumps(divergence(outcome="fine")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_line_is_counted_and_changes_nothing_else(name: str) -> None:
    """The whole lines around it count as if it were not there."""
    whole = [counts(second=1), divergence()]
    found = report_of(whole[0], DAMAGED[name], whole[1])
    assert (found.lines, found.damaged) == (3, 1)
    shown = {**found.as_json(), "lines": 2, "damaged": 0}
    assert shown == report_of(*whole).as_json()


@given(st.lists(st.text() | st.binary().map(lambda data: data.decode(errors="replace"))))
def test_no_line_breaks_the_report(lines: list[str]) -> None:
    """Whatever stands in a log, there is a report, and no pass comes of it."""
    found = report_of(*(line.replace("\n", " ") for line in lines))
    assert found.lines == len(lines)
    assert all(found.verdict(name) is Verdict.NOT_RUNNING for name in found.comparisons)


def test_other_events_are_no_damage() -> None:
    """The log has lines of its own trouble, which the report passes over."""
    found = report_of({"v": 1, "event": "shadow_stuck", "side": "canonical"})
    assert (found.lines, found.damaged) == (1, 0)


def test_divergences_are_grouped_by_fingerprint_most_frequent_first() -> None:
    """Each group has its number, its first and last time, and where it differs, each once."""
    found = report_of(
        divergence("rare", second=5),
        divergence("often", second=9, outcome="known", known="the-fault"),
        divergence("often", second=2, outcome="known", known="the-fault"),
    )
    often, rare = found.groups
    assert (often.fingerprint, often.count, often.known) == ("often", 2, "the-fault")
    assert (often.first, often.last) == ("2026-01-01T00:00:02+00:00", "2026-01-01T00:00:09+00:00")
    assert often.differences == ("balance.uni value", "recipients missing")
    assert (rare.fingerprint, rare.count, rare.known) == ("rare", 1, None)


def test_a_worker_s_total_counts_where_not_every_divergence_has_a_line() -> None:
    """The newest total of each process, in any order, or its lines where they are more."""
    lines = [
        divergence(calls=[{"path": "hook", "caller": "batch.process"}] * 2),
        divergence(second=5),
        divergence(worker=2),
        divergence(worker=3),
        told(total(30)),
        told(total(20)),
        told(total(400), worker=2),
    ]
    for order in (lines, lines[::-1]):
        found = report_of(*order)
        assert [group.count for group in found.groups] == [30 + 400 + 1]
        assert found.groups[0].last == "2026-01-01T00:00:30+00:00"
        assert found.callers == {"batch": 431}
        assert found.kinds == {"missing": 431, "value": 431}
        assert (found.ungrouped, found.damaged) == (0, 0)


def test_a_group_was_last_seen_when_its_last_divergence_was_counted() -> None:
    """Also one without a line; counts that hold no more than the lines change nothing."""
    shown = [divergence(second=1), divergence(second=2)]

    def last(*totals: dict[str, Any]) -> str:
        return report_of(*shown, *totals).groups[0].last

    assert last() == last(told(total(2))) == "2026-01-01T00:00:02+00:00"
    later = told(total(3), at="2026-01-01T00:00:40Z")
    assert last(told(total(3)), later) == last(later, told(total(3))) == "2026-01-01T00:00:30+00:00"


def test_what_is_known_is_another_group_than_the_same_before() -> None:
    """One fingerprint that was accepted on the way has two numbers, each with its own total."""
    known = {"known": "odd", "outcome": "known"}
    found = report_of(divergence(), divergence(**known), told(total(11), total(50, known="odd")))
    assert [(group.known, group.count) for group in found.groups] == [("odd", 50), (None, 11)]


def test_samples_of_a_group_are_divergences_of_it_and_nothing_that_only_names_it() -> None:
    """Neither the same one before it was known, nor counts, take the place of a sample."""
    known = {"known": "odd", "outcome": "known"}
    before = [divergence(second=n) for n in range(5)]
    found = report_of(told(total(5)), *before, *(divergence(second=n, **known) for n in (6, 7)))
    shown = {
        group.known: [json.loads(sample)["known"] for sample in group.samples]
        for group in found.groups
    }
    assert shown == {None: [None] * 3, "odd": ["odd"] * 2}


def test_a_total_without_a_group_is_counted_beyond_its_lines() -> None:
    """The first divergences that shared the group for which a worker had no room have lines."""
    found = report_of(divergence(), told(total(57, fingerprint="overflow"), lines=50))
    assert ([group.count for group in found.groups], found.ungrouped) == ([1], 7)


def test_the_report_as_json_has_each_verdict_beside_its_numbers() -> None:
    """Plain data that a program can read: no number without its denominator."""
    shown = json.loads(json.dumps(report_of(counts(), divergence()).as_json()))
    assert shown["comparisons"]["truth"] == {
        "verdict": "pass",
        "compared": 5,
        "matched": 5,
        "known": 0,
        "diverged": 0,
        "not_compared": 0,
        "rate": 0.0,
        "bound": pytest.approx(1 - 0.05 ** (1 / 5)),
        "beyond_noise": pytest.approx(1 - 0.05 ** (1 / 5)),
        "noise": None,
        "why": "0 of 5 diverged, at most 45.072% at 95 %",
        "reasons": {},
    }
    assert shown["routed"] == {"legacy": 5, "canonical": 1, "invalid_user_id": 1}
    assert (shown["workers"], shown["calls"], shown["dropped"]) == (1, 7, {"queue_full": 0})
    assert shown["groups"][0]["fingerprint"] == "f1"
