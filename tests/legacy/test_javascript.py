"""The habits of JavaScript that the legacy services keep."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.legacy.javascript import (
    UNDEFINED,
    iso_text,
    map_key,
    number,
    number_text,
    plus,
    stringify,
)


class Word(StrEnum):
    UNI = "UNI"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100.0, "100"),
        (0.1 + 0.2 - 0.2, "0.10000000000000003"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (1.25e-5, "0.0000125"),
        (1e-6, "0.000001"),
        (-1e-7, "-1e-7"),
        (1.5e300, "1.5e+300"),
        (math.nan, "null"),
        (math.inf, "null"),
    ],
)
def test_numbers_are_printed_as_browsers_print_them(value, text):
    """No trailing .0, exponents from 21 digits on only, null for what is no number."""
    assert number_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_number_reads_back_as_the_same_double(value):
    """Printing loses nothing."""
    assert float(number_text(value)) == value


def test_map_keys_tell_types_apart_as_a_map_does():
    """Text is no number, true is not 1, an object is a key by identity; 7.0 and 7 are one."""
    same = {"user": 7}
    assert map_key(7) == map_key(7.0) == map_key(Decimal(7))
    assert map_key("7") != map_key(7)
    assert map_key(True) != map_key(1)
    assert map_key(Word.UNI) == map_key("UNI")
    assert map_key(same) == map_key(same)
    assert map_key(same) != map_key({"user": 7})
    assert map_key(None) == map_key(None) != map_key(UNDEFINED)
    assert map_key(math.nan) == map_key(float("nan")) == map_key(Decimal("NaN"))
    assert map_key(2**53) == map_key(2**53 + 1) != map_key(2**53 - 1)
    assert map_key(10**5000) == map_key(math.inf)


def test_what_is_not_numeric_becomes_nan():
    """Nonsense amounts reach the wire as null and raise nothing."""
    assert number(Decimal("0.1")) == 0.1
    assert math.isnan(number("abc"))
    assert math.isnan(number(None))


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        (0.0, 5, 5.0),
        (0.0, Decimal("0.1"), 0.1),
        (1.0, None, 1.0),
        (1.0, True, 2.0),
        (0.0, "5", "05"),
        ("05", 1, "051"),
        ("0", None, "0null"),
        ("0", UNDEFINED, "0undefined"),
        ("0", False, "0false"),
        ("0", math.nan, "0NaN"),
        ("0", -math.inf, "0-Infinity"),
        ("0", -0.0, "00"),
        ("0", 1e21, "01e+21"),
        (0.0, "", "0"),
        (0.0, {"a": 1}, "0[object Object]"),
        (0.0, [], "0"),
        (0.0, [1, [2, None], UNDEFINED, "x"], "01,2,,,x"),
        ("\ud83d", "\ude00", "\U0001f600"),
    ],
)
def test_plus_joins_text_and_sums_all_else(left, right, result):
    """Text, lists and objects are joined; null is 0 and true is 1 in a sum."""
    assert plus(left, right) == result


@pytest.mark.parametrize("nothing", [UNDEFINED, math.nan, "NaN"])
def test_a_sum_with_what_is_no_number_is_said_as_null(nothing):
    """Undefined makes NaN, which JSON says as null; a word is joined, not summed."""
    expected = '"0NaN"' if nothing == "NaN" else "null"
    assert stringify(plus(0.0, nothing)) == expected


def test_undefined_members_are_left_out_and_undefined_items_are_null():
    """As JSON.stringify does it."""
    assert stringify({"a": UNDEFINED, "b": None, "c": [UNDEFINED, 1]}) == '{"b":null,"c":[null,1]}'


def test_members_stand_in_the_order_of_javascript():
    """Names that are indexes come first, by size; the others as they were added."""
    members = {"b": 1, "10": 2, "9": 3, "01": 4, "4294967295": 5, "a": 6}
    assert stringify(members) == '{"9":3,"10":2,"b":1,"01":4,"4294967295":5,"a":6}'


def test_a_time_is_said_as_text():
    """A Date has a `toJSON`."""
    assert stringify([datetime(2025, 1, 1, tzinfo=UTC)]) == '["2025-01-01T00:00:00.000Z"]'


def test_nested_data_is_said_as_json():
    """Mappings, lists, text, booleans and None keep their shape."""
    data = {"a": [1, 2.0, Decimal("0.5"), True, None], "b": {"ключ": 'x"\n'}}
    assert stringify(data) == '{"a":[1,2,0.5,true,null],"b":{"ключ":"x\\"\\n"}}'


@given(st.text(alphabet=st.characters()))
def test_any_text_is_said_as_json_that_can_be_encoded(text):
    """Lone surrogates are escaped, so that every frame is UTF-8."""
    said = stringify(text)
    assert json.loads(said.encode("utf-8")) == text


def test_what_json_cannot_say_is_refused_by_name():
    """The error names the type and what to pass instead."""
    with pytest.raises(TypeError, match="a set cannot be put into a frame: pass"):
        stringify({1, 2})


def test_times_are_printed_in_utc_with_milliseconds():
    """As Date.toISOString() prints them, wherever the time came from."""
    moment = datetime(2025, 7, 13, 9, 27, 20, 4999, tzinfo=timezone(timedelta(hours=3)))
    assert iso_text(moment) == "2025-07-13T06:27:20.004Z"
    assert iso_text(datetime(2025, 1, 1, tzinfo=UTC)) == "2025-01-01T00:00:00.000Z"
