"""The habits of JavaScript that the legacy services keep."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.legacy.javascript import iso_text, map_key, number, number_text, stringify


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


def test_what_is_not_numeric_becomes_nan():
    """Nonsense amounts reach the wire as null and raise nothing."""
    assert number(Decimal("0.1")) == 0.1
    assert math.isnan(number("abc"))
    assert math.isnan(number(None))


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
