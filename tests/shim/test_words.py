"""Any value can be put into words that a file can hold."""

import pytest

from shim.shadow.words import in_words


class Raising:
    """Raises when it is asked what it looks like."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Endless:
    """Looks like very much."""

    def __repr__(self) -> str:
        return "x" * 1_000_000


HOLDS_ITSELF: list[object] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (7, "7"),
        ("a", "'a'"),
        (None, "None"),
        (10**5000, "an int of about 5001 digits"),
        (-(10**5000), "an int of about 5001 digits"),
        (Raising(), "a Raising whose repr raises RuntimeError"),
        ([10**5000], "a list whose repr raises ValueError"),
        (HOLDS_ITSELF, "[[...]]"),
    ],
    ids=["number", "text", "nothing", "long", "minus", "raising", "long inside", "holds itself"],
)
def test_a_value_looks_like_python_writes_it_or_is_described(value: object, words: str) -> None:
    """Also where Python raises."""
    assert in_words(value) == words


@pytest.mark.parametrize(
    "value", ["x" * 10**7, Endless(), "\ud800" * 1000, ["\udfff"]], ids=list("abcd")
)
def test_words_are_short_and_can_be_written_down(value: object) -> None:
    """Whatever the value."""
    words = in_words(value)
    assert 0 < len(words.encode()) <= 200 * 6
