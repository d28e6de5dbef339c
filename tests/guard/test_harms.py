"""Which divergences are harms, as the bindings tell."""

from decimal import Decimal

import pytest

from shim.balance.harms import harms_of
from shim.guard.evidence import Harm
from shim.income.harms import harms_of as income_harms
from shim.shadow.conclude import conclude
from shim.shadow.differences import Each, Errors
from shim.shadow.result import Comparison, Judgement

FRAME = {"user": 7, "version": 3, "uni": Decimal(1), "change_uni": Decimal(0), "sources": ["a"]}


def concluded(comparison, expected, actual, **others):
    """Return the result of comparing two structures."""
    return conclude(Judgement(comparison, expected=expected, actual=actual, **others), callers=())


def of_truth(expected, actual):
    """Return the harms of what pages got against what they were to get."""
    structures = ({"recipients": Each(each)} for each in (expected, actual))
    return set(harms_of(concluded(Comparison.TRUTH, *structures)))


@pytest.mark.parametrize(
    ("expected", "actual", "harm"),
    [
        ({"one": [FRAME]}, {"one": [{**FRAME, "uni": Decimal(2)}]}, Harm.WRONG_AMOUNT),
        ({"one": [FRAME]}, {"one": [{**FRAME, "change_uni": None}]}, Harm.WRONG_AMOUNT),
        ({"one": [FRAME]}, {"one": [{**FRAME, "user": 8}]}, Harm.WRONG_RECIPIENT),
        ({"one": [FRAME]}, {"stranger": [FRAME]}, Harm.WRONG_RECIPIENT),
        ({"one": [FRAME]}, {"one": [FRAME], "stranger": [FRAME]}, Harm.WRONG_RECIPIENT),
        ({"one": [FRAME]}, {"one": [{**FRAME, "sources": []}]}, None),
        ({"one": [FRAME]}, {}, None),
    ],
)
def test_wrong_amounts_and_recipients_are_harms_of_truth(expected, actual, harm):
    """A lost frame, or a wrong source, is a divergence and no harm."""
    assert of_truth(expected, actual) == ({harm} if harm else set())


@pytest.mark.parametrize(
    ("legacy", "canonical", "new"),
    [
        ([], ["E: x"], True),
        (["E: x"], [], False),
        (["E"], ["F"], False),
        (["E"], ["E", "E"], True),
        (["E", "F"], ["F"], False),
    ],
)
def test_an_error_is_new_only_if_legacy_did_not_raise(legacy, canonical, new):
    """Where legacy alone raises, the canonical is the repair; one error excuses no second one."""
    structures = ({"recipients": Each(), "raised": Errors(each)} for each in (legacy, canonical))
    found = set(harms_of(concluded(Comparison.REACH, *structures)))
    assert found == ({Harm.NEW_ERROR} if new else set())


def test_what_is_known_is_no_harm():
    """Somebody answers for it."""
    result = concluded(
        Comparison.REACH, {"raised": Errors([])}, {"raised": Errors(["E"])}, known="accepted"
    )
    assert set(harms_of(result)) == set()


@pytest.mark.parametrize(
    ("comparison", "expected", "actual", "harm"),
    [
        (Comparison.TRUTH, {"income": Decimal(1)}, {"income": Decimal(2)}, Harm.WRONG_AMOUNT),
        (Comparison.TRUTH, {"income": Decimal(1)}, {"income": "str 'x'"}, Harm.WRONG_AMOUNT),
        (
            Comparison.TRUTH,
            {"raised": Errors(None), "income": Decimal(1)},
            {"raised": Errors("E")},
            None,
        ),
        (
            Comparison.SAYING,
            {"raised": Errors(None), "income": 1},
            {"raised": Errors("E")},
            Harm.NEW_ERROR,
        ),
        (Comparison.SAYING, {"raised": Errors("E")}, {"raised": Errors(None), "income": 1}, None),
        (Comparison.SAYING, {"income": Decimal(1)}, {"income": Decimal(2)}, None),
    ],
)
def test_the_income_tells_its_own(comparison, expected, actual, harm):
    """An amount that is not what was earned, and an error that legacy did not have."""
    assert set(income_harms(concluded(comparison, expected, actual))) == ({harm} if harm else set())
