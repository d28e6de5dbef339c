"""The evidence: newest counts of each worker, verdicts from their own numbers, damage counted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.report import Report, Tallied, Verdict, read_report
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
        "event": "divergence",
        "at": f"2026-01-01T00:00:{second:02}Z",
        "host": "host",
        "worker": 1,
        "started": 1.5,
        "comparison": "reach",
        "outcome": "mismatched",
        "known": None,
        "fingerprint": fingerprint,
        "differences": [
            {"path": "recipients", "kind": "missing", "expected": ["a"], "actual": []},
            {"path": "balance.uni", "kind": "value", "expected": 1.5, "actual": 2},
        ],
    }
    return {**line, **changes}


def report_of(*lines: dict[str, Any] | str) -> Report:
    """Return the report on these lines."""
    return read_report(line if isinstance(line, str) else json.dumps(line) for line in lines)


def test_the_newest_counts_of_each_worker_are_summed() -> None:
    """Counters only grow: of one worker the newest line holds, of several all are added."""
    report = report_of(
        counts(1, second=1, calls=1),
        counts(1, second=3, calls=10),
        counts(2, second=2, calls=100),
    )
    assert (report.workers, report.calls, report.episodes, report.lines) == (2, 110, 10, 3)
    assert (report.forced, report.stale_legacy) == (2, 4)
    assert report.routed == {"legacy": 10, "canonical": 2, "invalid_user_id": 2}
    assert report.comparisons["truth"].compared == 10


def test_the_newest_counts_are_told_by_their_time() -> None:
    """A rotated log may be given after the one that is written now."""
    report = report_of(counts(second=9, calls=50), counts(second=8, calls=40))
    assert report.calls == 50


@pytest.mark.parametrize("other", [{"started": 2.5}, {"host": "elsewhere"}, {"worker": 2}])
def test_a_process_is_told_by_host_pid_and_start(other: dict[str, Any]) -> None:
    """A pid that is used again, here or on another host, is another worker."""
    assert report_of(counts(), counts(**other)).workers == 2


@pytest.mark.parametrize(
    ("tallied", "dropped", "verdict"),
    [
        (Tallied(), 0, Verdict.NOT_RUNNING),
        (Tallied(reasons={"no_connection": 1000}), 0, Verdict.NOT_RUNNING),  # type: ignore[arg-type]
        (Tallied(compared=1, matched=1), 0, Verdict.PASS),
        (Tallied(compared=10, matched=4, known=6), 0, Verdict.PASS),
        (Tallied(compared=1000, matched=999, mismatched=1), 0, Verdict.FAIL),
        (Tallied(compared=1, mismatched=1, reasons={"raced": 99}), 99, Verdict.FAIL),  # type: ignore[arg-type]
        (Tallied(compared=95, matched=95, reasons={"raced": 5}), 0, Verdict.PASS),  # type: ignore[arg-type]
        (Tallied(compared=94, matched=94, reasons={"raced": 6}), 0, Verdict.INCONCLUSIVE),  # type: ignore[arg-type]
        (Tallied(compared=95, matched=95), 5, Verdict.PASS),
        (Tallied(compared=94, matched=94), 6, Verdict.INCONCLUSIVE),
        (Tallied(compared=95, matched=95, reasons={"raced": 3}), 3, Verdict.INCONCLUSIVE),  # type: ignore[arg-type]
        (Tallied(compared=1, matched=1, reasons={"no_connection": 9}), 0, Verdict.PASS),  # type: ignore[arg-type]
    ],
)
def test_a_verdict_follows_from_its_own_numbers(
    tallied: Tallied, dropped: int, verdict: Verdict
) -> None:
    """No data is never a pass, one mismatch fails, over 5 % left out says nothing."""
    report = Report(comparisons={"truth": tallied})
    report.dropped["queue_full"] = dropped
    assert report.verdict("truth") is verdict


def test_each_comparison_has_its_own_verdict() -> None:
    """One comparison's numbers never speak for another."""
    report = report_of(
        counts(
            comparisons={
                "reach": numbers(1, known=3),
                "truth": numbers(3, mismatched=1),
                "saying": numbers(no_connection=4),
            }
        )
    )
    assert {name: str(report.verdict(name)) for name in report.comparisons} == {
        "reach": "pass",
        "truth": "fail",
        "saying": "not running",
    }


def test_an_empty_log_passes_nothing() -> None:
    """Without a line every comparison is shown, and none has run."""
    report = report_of()
    assert {report.verdict(str(comparison)) for comparison in Comparison} == {Verdict.NOT_RUNNING}
    assert (report.lines, report.damaged, report.workers, report.groups) == (0, 0, 0, ())


def without(line: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a line that lacks a field."""
    return {key: value for key, value in line.items() if key != name}


DAMAGED = {
    "a cut line": json.dumps(counts())[:-40],
    "two lines in one": json.dumps(counts()) * 2,
    "an empty line": "\n",
    "binary": b"\x00\xff\xfe\x80{".decode(errors="replace"),
    "a lone surrogate": '{"event":"\ud800"}',
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
    "an unknown outcome": json.dumps(divergence(outcome="fine")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_line_is_counted_and_changes_nothing_else(name: str) -> None:
    """The whole lines around it count as if it were not there."""
    whole = [counts(second=1), divergence()]
    report = report_of(whole[0], DAMAGED[name], whole[1])
    assert (report.lines, report.damaged) == (3, 1)
    told = {**report.as_json(), "lines": 2, "damaged": 0}
    assert told == report_of(*whole).as_json()


@given(st.lists(st.text() | st.binary().map(lambda data: data.decode(errors="replace"))))
def test_no_line_breaks_the_report(lines: list[str]) -> None:
    """Whatever stands in a log, there is a report, and no pass comes of it."""
    report = read_report(lines)
    assert report.lines == len(lines)
    assert all(report.verdict(name) is Verdict.NOT_RUNNING for name in report.comparisons)


def test_other_events_are_no_damage() -> None:
    """The log has lines of its own trouble, which the report passes over."""
    report = report_of({"event": "shadow_stuck", "side": "canonical"})
    assert (report.lines, report.damaged) == (1, 0)


def test_divergences_are_grouped_by_fingerprint_most_frequent_first() -> None:
    """Each group has its number, its first and last time, and where it differs, each once."""
    report = report_of(
        divergence("rare", second=5),
        divergence("often", second=9, outcome="known", known="the-fault"),
        divergence("often", second=2, outcome="known", known="the-fault"),
    )
    often, rare = report.groups
    assert (often.fingerprint, often.count, often.known) == ("often", 2, "the-fault")
    assert (often.first, often.last) == ("2026-01-01T00:00:02+00:00", "2026-01-01T00:00:09+00:00")
    assert often.differences == ("balance.uni value", "recipients missing")
    assert (rare.fingerprint, rare.count, rare.known) == ("rare", 1, None)


def test_the_report_as_json_has_each_verdict_beside_its_numbers() -> None:
    """Plain data that a program can read: no number without its denominator."""
    told = json.loads(json.dumps(report_of(counts(), divergence()).as_json()))
    assert told["comparisons"]["truth"] == {
        "verdict": "pass",
        "compared": 5,
        "matched": 5,
        "known": 0,
        "mismatched": 0,
        "not_compared": {},
    }
    assert told["routed"] == {"legacy": 5, "canonical": 1, "invalid_user_id": 1}
    assert (told["workers"], told["calls"], told["dropped"]) == (1, 7, {"queue_full": 0})
    assert told["groups"][0]["fingerprint"] == "f1"
