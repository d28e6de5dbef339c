"""The reason of a trip: one sentence with both values, whatever the divergence was."""

import json
from typing import Any

import pytest

from shim.balance.words import words_of as balance_words
from shim.guard.reason import LONGEST_VALUE, WordsOf, reason
from shim.guard.ruling import Ruling, State
from shim.income.words import words_of as income_words

SEE = "; see `flask shadow replay f1`"


def sample(*found: dict[str, Any], comparison: str = "truth", serving: str = "canonical") -> str:
    """Return the sample of a divergence."""
    line = {"comparison": comparison, "serving": serving, "differences": found}
    return json.dumps(line).replace('"<', "").replace('>"', "")  # exact decimals, as in a log


def differs(
    path: str, kind: str = "value", *, expected: Any = None, actual: Any = None
) -> dict[str, Any]:
    """Return one difference."""
    return {"path": path, "kind": kind, "expected": expected, "actual": actual}


UNI = differs("recipients.*.*.uni", expected="<109.270750>", actual="<109.374916>")


def said(limit: str, *samples: str, words: WordsOf = balance_words) -> str:
    """Return the reason of a ruling with these samples, the first the most frequent."""
    ruling = Ruling(State.BREACHED, limit, f"{limit}: 3 seen, 0 borne; most often f1 3, f2 1")
    return reason(ruling, {f"f{n}": each for n, each in enumerate(samples, 1)}, words)


@pytest.mark.parametrize(
    ("limit", "found", "expected"),
    [
        (
            "wrong_amount",
            UNI,
            "wrong balance: the page got 109.374916, the database holds 109.270750",
        ),
        (
            "wrong_amount",
            differs("recipients.*.*.change_ton", expected=0, actual="<-0.000001>"),
            "wrong change: the page got -0.000001, the database holds 0",
        ),
        (
            "wrong_recipient",
            differs("recipients.*", "extra", actual=[{"uni": 1}, {"uni": 2}]),
            "wrong recipient: the page got 2 entries, and nothing was for it",
        ),
        (
            "wrong_recipient",
            differs("recipients.*.*.user", expected="the user", actual="somebody else"),
            "wrong recipient: somebody else got what was for the user",
        ),
    ],
)
def test_a_harm_is_said_with_both_values(limit: str, found: dict[str, Any], expected: str) -> None:
    """What the page got and what the database holds, as exact numbers."""
    assert said(limit, sample(found)) == expected + SEE


def test_who_was_shown_nothing_is_not_said_to_have_got_it() -> None:
    """Of a user whom legacy serves the canonical's shadow was wrong."""
    assert said("wrong_amount", sample(UNI, serving="legacy")) == (
        f"wrong balance: canonical would have shown 109.374916, the database holds 109.270750{SEE}"
    )


def test_a_page_that_is_none_did_not_get_it() -> None:
    """A page that the shadow is shown over a while is a double, whoever serves the user."""
    found = differs("life.*.uni", expected=1, actual=2)
    assert said("wrong_amount", sample(found)).startswith(
        "wrong balance: canonical would have shown 2, the database holds 1"
    )


def test_a_new_error_is_said_with_its_text() -> None:
    """It is seen where production raises nothing."""
    found = differs("raised", "error", expected=[], actual=["ValueError: no"])
    assert said("new_error", sample(found, comparison="reach")) == (
        f"new error: canonical raised ValueError: no, legacy nothing{SEE}"
    )


def test_the_difference_that_the_limit_is_about_is_said() -> None:
    """Not what happens to come first, or more often."""
    late = differs("waited.*", "latency_class", expected="below 375 ms", actual="longer")
    assert said("wrong_amount", sample(late), sample(late, UNI)).startswith("wrong balance: ")


def test_a_rate_is_said_with_an_example() -> None:
    """The numbers of the limit, then what one divergence looked like."""
    assert said("tolerated", sample(UNI)) == (
        "tolerated: 3 seen, 0 borne, such as wrong balance: the page got 109.374916, the database"
        f" holds 109.270750{SEE}"
    )


def test_the_income_has_words_of_its_own() -> None:
    """What was earned, and what the canonical made of it."""
    found = sample(differs("income", expected="<0.156250>", actual="<0.156251>"))
    assert said("wrong_amount", found, words=income_words) == (
        f"wrong income: canonical says 0.156251, the deposit earned 0.156250{SEE}"
    )


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "null", '{"differences": 5}', "[" * 5000, '{"differences": [{}]}']
)
def test_a_sample_that_is_none_leaves_the_numbers(broken: str) -> None:
    """And no cut JSON."""
    assert said("wrong_amount", broken) == "wrong_amount: 3 seen, 0 borne"


def test_a_value_is_one_short_line_whatever_it_holds() -> None:
    """No escape reaches a terminal, and no text takes the sentence over."""
    found = sample(differs("x", expected="\x1b[31m\n" + "a" * 500, actual={"a": 1}))
    told = said("wrong_amount", found)
    assert told.isprintable()
    assert len(told) < 3 * LONGEST_VALUE
    assert "truth differs at x: ?[31m?aaa" in told
