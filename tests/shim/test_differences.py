"""Typed differences between structures, and what makes two divergences the same one."""

from hypothesis import given
from hypothesis import strategies as st

from shim.shadow.differences import Each, differences, fingerprint

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
    """Missing, extra, type, value, order, count and error are told apart."""
    assert shape({"a": 1}, {}) == [("a", "missing")]
    assert shape({}, {"a": 1}) == [("a", "extra")]
    assert shape({"a": 1}, {"a": "1"}) == [("a", "type")]
    assert shape({"a": {"b": 1}}, {"a": {"b": 2}}) == [("a.b", "value")]
    assert shape({"a": [1, 2]}, {"a": [2, 1]}) == [("a", "order")]
    assert shape({"a": [1]}, {"a": [1, 1]}) == [("a.*", "count")]
    assert shape({"raised": []}, {"raised": ["E: x"]}) == [("raised", "error")]


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
