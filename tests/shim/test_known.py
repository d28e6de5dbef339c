"""Known divergences: which rules there are, what they excuse, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.shadow.differences import Difference, DifferenceKind
from shim.shadow.known import KnownDivergence, KnownDivergenceError, Rule, check_new, excused_by
from shim.shadow.result import Comparison

NOW = datetime(2031, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MARK = "0123456789abcdef"
UNI, TON = (Difference(f"balance.{name}", DifferenceKind.VALUE, 1, 2) for name in ("uni", "ton"))


def at_place(path="balance.uni", kind=DifferenceKind.VALUE, comparison=Comparison.SAYING):
    """Return a rule by path and kind."""
    return Rule(comparison, path=path, kind=kind)


def by_mark(mark=MARK):
    """Return a rule by fingerprint."""
    return Rule(Comparison.SAYING, fingerprint=mark)


def known(rule=None, *, id_="stale", until=NOW + DAY, **changes):
    """Return a known divergence."""
    return KnownDivergence(id_, rule or at_place(), "wallet team", "a cache", until, **changes)


def excused(rule, *found, comparison=Comparison.SAYING, mark=MARK, now=NOW):
    """Return as what a divergence is known."""
    return excused_by([known(rule)], comparison, mark, found, now=now)


def test_a_fingerprint_excuses_that_divergence_whatever_its_places():
    """It was looked at as a whole, so it is excused as a whole."""
    assert excused(by_mark(), UNI, TON) == "stale"
    assert excused(by_mark(), UNI, TON, mark="f" * 16) is None


def test_a_path_and_kind_excuse_what_lies_there_and_nothing_besides():
    """A new difference beside the known one makes the divergence a new one."""
    assert excused(at_place(), UNI) == "stale"
    assert excused(at_place(), UNI, UNI) == "stale"
    assert excused(at_place(), UNI, TON) is None
    assert excused(at_place(kind=DifferenceKind.MISSING), UNI) is None


@pytest.mark.parametrize("comparison", [Comparison.REACH, Comparison.TRUTH])
@pytest.mark.parametrize("rule", [at_place(), by_mark()])
def test_a_rule_belongs_to_one_comparison(rule, comparison):
    """The same difference of another comparison is not excused, of truth least of all."""
    assert excused(rule, UNI, comparison=comparison) is None


@pytest.mark.parametrize(
    "how", [{"fingerprint": MARK}, {"path": "a", "kind": DifferenceKind.VALUE}]
)
def test_truth_admits_no_rule(how):
    """It is refused by name, whatever the rule is."""
    with pytest.raises(KnownDivergenceError, match="difference of truth cannot be accepted"):
        Rule(Comparison.TRUTH, **how)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"path": ""},
        {"path": "*", "kind": DifferenceKind.VALUE},
        {"path": "*.*", "kind": DifferenceKind.VALUE},
        {"path": " . ", "kind": DifferenceKind.VALUE},
        {"kind": DifferenceKind.MISSING},
        {"path": "balance.uni"},
    ],
)
def test_a_rule_that_would_match_everything_is_refused(how):
    """Neither every path, nor every kind at one, can be answered for."""
    with pytest.raises(KnownDivergenceError, match="would match everything"):
        Rule(Comparison.SAYING, **how)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"fingerprint": "", "path": None}, "is no fingerprint"),
        ({"fingerprint": "overflow"}, "is no fingerprint"),
        ({"fingerprint": "F" * 16}, "is no fingerprint"),
        ({"fingerprint": MARK, "path": "a"}, "the one or the other"),
        ({"path": "a" * 201, "kind": DifferenceKind.VALUE}, "201 characters"),
    ],
)
def test_a_rule_that_is_none_is_refused(how, said):
    """The message has the value and what to give instead."""
    with pytest.raises(KnownDivergenceError, match=said):
        Rule(Comparison.SAYING, **how)


def test_somebody_must_answer_for_it():
    """An id, an owner, a reason and a time zone are not left out."""
    for id_, owner, reason, until in [
        ("No Id", "a", "b", NOW),
        ("", "a", "b", NOW),
        ("id", " ", "b", NOW),
        ("id", "a", "", NOW),
        ("id", "a", "b", NOW.replace(tzinfo=None)),
    ]:
        with pytest.raises(KnownDivergenceError):
            KnownDivergence(id_, by_mark(), owner, reason, until)


def test_from_its_end_on_it_counts_as_a_divergence_again():
    """To the microsecond, and without anybody doing anything."""
    end = NOW + DAY
    assert excused(by_mark(), UNI, now=end - timedelta(microseconds=1)) == "stale"
    assert excused(by_mark(), UNI, now=end) is None


@given(st.lists(st.timedeltas(timedelta(days=-900), timedelta(days=900)), max_size=20))
def test_a_clock_that_jumps_decides_by_what_it_says_now(jumps):
    """Nothing is remembered of an earlier time: expired or not follows from the date alone."""
    for jump in jumps:
        now = NOW + jump
        assert (excused(by_mark(), UNI, now=now) is None) is (now >= NOW + DAY)


def test_what_does_not_differ_is_not_excused():
    """No difference, no divergence."""
    assert excused(at_place()) is None


def test_one_that_is_over_is_refused():
    """A date in the past would excuse nothing from the first moment on."""
    with pytest.raises(KnownDivergenceError, match="2030-12-31 00:00 UTC, which is past"):
        check_new(known(until=NOW - DAY), [], now=NOW)


@pytest.mark.parametrize("rule", [at_place(), by_mark()])
def test_a_rule_that_overlaps_an_active_one_is_refused(rule):
    """A divergence would belong to two owners: the message names the other."""
    with pytest.raises(KnownDivergenceError, match=r"overlaps that of other \(saying"):
        check_new(known(rule), [known(rule, id_="other")], now=NOW)
    check_new(known(rule), [known(rule, id_="other", until=NOW - DAY)], now=NOW)


def test_an_id_is_used_once_even_if_it_is_over():
    """History speaks of it, so it must not mean two things."""
    with pytest.raises(KnownDivergenceError, match="flask shadow known end stale"):
        check_new(known(by_mark()), [known(until=NOW - DAY)], now=NOW)
