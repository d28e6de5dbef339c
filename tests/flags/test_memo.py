"""The memo: bounded, and kind to what is asked for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flags.memo import Memo


@settings(deadline=None)
@given(limit=st.integers(1, 5), keys=st.lists(st.integers(0, 20), max_size=200))
def test_a_memo_is_bounded_and_never_wrong(limit: int, keys: list[int]) -> None:
    """Whatever is asked and put, it holds at most twice its limit and no wrong value."""
    memo: Memo[int, str] = Memo(limit)
    for key in keys:
        assert memo.get(key) in (None, str(key))
        assert memo.peek(key) in (None, memo.get(key))
        memo.put(key, str(key))
        assert memo.get(key) == memo.peek(key) == str(key)
        assert len(memo) <= 2 * limit


def test_what_is_asked_for_stays() -> None:
    """A key that is read all the time survives any number of others."""
    memo: Memo[int, str] = Memo(2)
    memo.put(0, "kept")
    for key in range(1, 100):
        memo.put(key, "other")
        assert memo.get(0) == "kept"


def test_a_memo_without_room_is_refused() -> None:
    """A limit below one is a mistake, and named."""
    with pytest.raises(ValueError, match="a memo of 0 entries"):
        Memo(0)
