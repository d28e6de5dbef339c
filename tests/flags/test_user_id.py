"""User ids: one user for 7 and "7", nobody for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flags.user_id import MAX_USER_ID, InvalidUserIdError, user_id_of


@given(st.integers(min_value=1, max_value=MAX_USER_ID))
def test_a_number_and_its_text_are_one_user(number: int) -> None:
    """Every id is itself, and its decimal text is the same id."""
    assert user_id_of(number) == user_id_of(str(number)) == number


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " 7 ", "07", "0", 0, -7, "-7", "+7", True, 7.0, {}, [7], b"7"),
        *("\u0667", "\ud800", "None", "1_000", "9" * 5000),
        *(MAX_USER_ID + 1, str(MAX_USER_ID + 1)),
    ],
)
def test_what_is_no_user_id_is_refused_by_name(value: object) -> None:
    """The refusal shows the value and says what an id looks like."""
    with pytest.raises(InvalidUserIdError) as refusal:
        user_id_of(value)
    assert str(refusal.value).startswith(f"{value!a} is not a user id: give a whole number")


class Unprintable:
    """Raises when it is asked what it looks like."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [10**5000, -(10**5000), Unprintable()], ids=["long", "-", "odd"])
def test_what_cannot_be_printed_is_refused_like_the_rest(value: object) -> None:
    """Python raises an error of its own where it is to print these."""
    with pytest.raises(InvalidUserIdError, match="is not a user id: give a whole number"):
        user_id_of(value)
