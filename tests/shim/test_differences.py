"""Typed differences between structures, and what makes two divergences the same one."""

from hypothesis import given
from hypothesis import strategies as st

from shim.shadow.differences import (
    DifferenceKind,
    Each,
    Errors,
    Recipients,
    differences,
    fingerprint,
)
from shim.shadow.latency import LatencyClass


class Hostile:
    """A value that answers no question."""

    def __eq__(self, other):
        raise ValueError("no")

    __hash__ = None

    def __repr__(self):
        raise ValueError("no")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def shape(expected, actual):
    """Return path and kind of each difference."""
    return [(found.path, str(found.kind)) for found in differences(expected, actual)]


@given(PLAIN)
def test_a_structure_does_not_differ_from_itself(value):
    """Equal structures have no difference."""
    assert differences(value, value) == ()


@given(PLAIN, PLAIN)
def test_structures_that_are_not_equal_differ(one, other):
    """Whatever is unequal, or of another type, has at least one difference."""
    if one != other:
        assert differences(one, other)


def test_each_kind_of_difference_has_its_name():
    """No kind is left that nothing is an example of."""
    examples = {
        "missing": ({"a": 1}, {}, "a"),
        "extra": ({}, {"a": 1}, "a"),
        "type": ({"a": 1}, {"a": "1"}, "a"),
        "value": ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        "order": ({"a": [1, 2]}, {"a": [2, 1]}, "a"),
        "count": ({"a": [1]}, {"a": [1, 1]}, "a.*"),
        "recipient": ({"a": Each(x=1)}, {"a": Each(y=1)}, "a.*"),
        "error": ({"raised": Errors([])}, {"raised": Errors(["E: x"])}, "raised"),
        "latency_class": (
            {"a": LatencyClass.BELOW_1_MS},
            {"a": LatencyClass.BELOW_1_S},
            "a",
        ),
        "uncomparable": ({"a": Hostile()}, {"a": Hostile()}, "a"),
    }
    for kind, (expected, actual, path) in examples.items():
        assert shape(expected, actual) == [(path, kind)]
    assert examples.keys() == set(DifferenceKind)


def test_what_one_lacks_and_another_got_went_to_the_wrong_one():
    """The same content on another connection; another content is missing here and extra there."""
    assert shape(Each(a=1, b=2), Each(c=1, b=2)) == [("*", "recipient")]
    assert shape(Each(a=1), Each(c=2)) == [("*", "missing"), ("*", "extra")]
    assert shape(Recipients("ab"), Recipients("cb")) == [("*", "recipient")]
    assert shape(Recipients("a"), Recipients("cd")) == [("*", "recipient"), ("*", "extra")]
    assert shape(Recipients("ab"), Recipients("a")) == [("*", "missing")]
    assert shape(Recipients("ab"), Recipients("ba")) == [("", "order")]


def test_a_key_that_is_called_raised_is_like_any_other():
    """What calls raised is marked as such, whatever it is called."""
    assert shape({"raised": 1}, {"raised": 2}) == [("raised", "value")]
    assert shape({"raised": ["a"]}, {"raised": ["b"]}) == [("raised.*", "value")]
    assert shape({"e": Errors(None)}, {"e": Errors("E: x")}) == [("e", "error")]
    assert shape({"e": Errors(["E"])}, {"e": Errors(["E"])}) == []


def test_a_member_that_changed_is_compared_in_depth():
    """A list's changed member differs where it changed, not as a whole."""
    assert shape([{"v": 1}, {"v": 2}], [{"v": 1}, {"v": 3}]) == [("*.v", "value")]


def test_which_of_many_differs_is_not_part_of_the_path():
    """Connections share one path, so that one fault has one fingerprint."""
    first = differences(Each(a=1, b=2), Each(a=0, b=2))
    second = differences(Each(a=1, b=2), Each(a=1, b=0))
    assert fingerprint("truth", ["x"], first) == fingerprint("truth", ["x"], second)


def test_a_fingerprint_knows_comparison_callers_and_shape_but_no_value():
    """The same kind of difference at the same path by the same callers is the same one."""
    one, same = differences({"a": 1}, {"a": 2}), differences({"a": 8}, {"a": 9})
    assert fingerprint("truth", ["x", "x"], one) == fingerprint("truth", ["x"], same)
    assert fingerprint("truth", ["x"], one) != fingerprint("saying", ["x"], one)
    assert fingerprint("truth", ["x"], one) != fingerprint("truth", ["y"], one)
    assert fingerprint("truth", ["x"], one) != fingerprint("truth", ["x"], differences(1, 2))
