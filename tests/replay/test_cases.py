"""Every case in `tests/cases` finds what it is said to find, on the code as it is now.

`flask shadow replay FINGERPRINT --save` puts one there. Where a change of the code is meant to
end a divergence, the case fails here until what it expects is changed as well.
"""

from pathlib import Path

import pytest

from app.replayers import replayers
from app.replaying import read_case, run_case
from shim.replay.case import STAND_IN, Case, CaseError, Expected, encode
from shim.replay.stand_in import with_stand_in
from shim.shadow.result import Comparison
from tests.replay.stage import cases, replayed
from tests.replay.test_run import SCENES
from tests.shim.harness import Harness

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*.json"))


def found_in(case: Case) -> dict[Comparison, Expected]:
    """Return what a run of the case finds, in the words of what is expected of it."""
    found = run_case(case).results
    return {
        name: Expected(result.outcome, result.fingerprint, result.reason)
        for name, result in found.items()
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_saved_case_finds_what_it_is_said_to_find(path: Path) -> None:
    """Outcome, fingerprint and reason of all three comparisons; and it names nobody."""
    case = read_case(path.read_bytes(), name=path.name)
    assert (case.user, case.stand_in) == (STAND_IN, True)
    assert found_in(case) == case.expected


def test_cases_are_there_and_a_wrong_expectation_is_found() -> None:
    """A case that is said to find something else does not pass."""
    assert len(CASES) >= 2
    for path in CASES:
        text = path.read_text()
        wrong = text.replace('"outcome":"matched"', '"outcome":"mismatched"')
        assert wrong != text
        case = read_case(wrong, name=path.name)
        assert found_in(case) != case.expected


@pytest.mark.parametrize("percent", [0, 100])
@pytest.mark.parametrize("scene", SCENES)
def test_a_stand_in_changes_nothing_but_the_names(scene, percent) -> None:
    """The same findings, and neither the user's id nor a connection's is left in the text."""
    harness = Harness(percent=percent)
    harness.connect = lambda **how: Harness.connect(harness, **{"user_id": 987654321, **how})
    for kind in ("boost", "farm", "hook"):
        make = getattr(harness, kind)
        setattr(harness, kind, lambda *a, make=make, **k: make(*a, user_id=987654321, **k))
    remember = harness.manager.remember
    harness.manager.remember = lambda _, *balances: remember(987654321, *balances)
    scene(harness)
    harness.run()
    assert harness.results
    for case in cases(harness):
        found = replayed(case)
        saved = with_stand_in(case, found.results, replayers()[case.migration])
        text = encode(saved).decode()
        assert "987654321" not in text
        assert not {'"id":"a"', '"to":"a"'} & set(text.split(","))
        again = replayed(read_case(text, name="saved"))
        assert again.finding is found.finding
        assert [each.fingerprint for each in again.results.values()] == [
            each.fingerprint for each in found.results.values()
        ]


def test_a_case_whose_canonical_no_longer_takes_it_is_refused() -> None:
    """The message says which error, and what to do with the case."""
    case = read_case(CASES[0].read_bytes(), name="case")

    def another(*_: object) -> None:
        raise TypeError("BalanceNotifications takes a greeting now")

    with pytest.raises(CaseError, match=r"do not take this case .*takes a greeting now.*anew"):
        replayed(case, another)
