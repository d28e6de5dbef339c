"""The benchmark of what is found runs as it stands, and plays other people's mutants as well."""

import time
from pkgutil import resolve_name

import pytest

from app.accounts import open_accounts
from app.adapters.truth import SqlTruthReader
from app.database import Database
from bench.kit.elsewhere import SOURCE, booking_elsewhere
from bench.kit.found import Played, figures_of
from bench.kit.mutants import (
    OURS,
    Mutant,
    candidate_of,
    chosen_folder,
    mutants_in,
    put_in_place,
    take_in,
)
from bench.kit.mutation import drawn
from tests.bench.runs import IN_TIME, PATIENCE_S, rows_of

pytestmark = IN_TIME

SILENT = '''"""Says nothing at all."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    def notify_balance_update(self, hint):
        pass
'''

RIGHT = '''"""Has no fault at all."""

from app.notifications.service import BalanceNotifications


class Canonical(BalanceNotifications):
    pass
'''


def test_the_benchmark_runs_from_nothing_and_plays_the_folder_that_is_named(tmp_path):
    """A mutant of somebody else's is flagged, the right candidate is not, every row is written."""
    folder = tmp_path / "mutants"
    folder.mkdir()
    (folder / "silent.py").write_text(SILENT)
    figures = rows_of("power", tmp_path, POWER_MUTANTS=str(folder))
    rows = {name: row["value"] for name, row in figures.items()}
    assert rows["wrong candidates: none: flagged"] == 0
    assert rows["wrong candidates: flagged: "] == 1
    assert rows["wrong candidates: silent: to the first flag"] > 0
    assert rows["mutants of the tool: played: "] == 1
    assert rows["the service that ships: both: comparisons"] > 0


def test_the_candidates_of_a_folder_are_played_alone(tmp_path):
    """A row for each under its file's name: flagged or not, how soon, and by which comparison."""
    folder = tmp_path / "mutants"
    folder.mkdir()
    (folder / "silent.py").write_text(SILENT)
    (folder / "right.py").write_text(RIGHT)
    (folder / "unread.py").write_text("class Canonical(")
    (folder / "unbuilt.py").write_text("raise ImportError('it needs more than there is')")
    rows = rows_of(
        "power",
        tmp_path,
        "--candidates-only",
        more={"comparisons", "by", "places", "fault"},
        POWER_MUTANTS=str(folder),
    )
    assert {name: (row["value"], row["met"]) for name, row in rows.items()} == {
        "none": (0, True),
        "right": (0, False),
        "silent": (1, True),
        "unbuilt": (1, True),
        "unread": (1, True),
    }
    assert "it needs more than there is" in rows["unbuilt"]["by"]
    assert "SyntaxError" in rows["unread"]["by"]
    assert rows["silent"]["by"]
    assert rows["silent"]["comparisons"] > 0
    assert rows["right"]["by"] == ""
    assert rows["right"]["comparisons"] > 0


def played(name, compared, **reasons):
    """Return a candidate that was flagged by a difference, and what was left out with it."""
    shadow = {"flagged_by": ["truth: fail"], "to_flag": 1, "served": 0, "compared": compared}
    shadow |= {"not_compared": sum(reasons.values()), "reasons": reasons}
    return Played(Mutant(name, "Is wrong.", None), shadow)


def test_what_was_not_compared_is_told_by_reason_and_by_whose_doing_it_was():
    """The sum hides nothing: beside it stand the reasons, and each candidate with too much."""
    rows = figures_of([played("stuck", 80, forced=20), played("quick", 99, raced=1)], told=True)
    left_out = {
        (row.subject, row.measure): row.value
        for row in rows
        if "not compared" in (row.subject, row.measure)
    }
    assert left_out == {
        ("not compared", ""): 10.5,
        ("not compared", "forced"): 10.0,
        ("not compared", "raced"): 0.5,
        ("stuck", "not compared"): 20.0,
    }


@pytest.mark.parametrize("mutant", mutants_in(OURS), ids=lambda mutant: mutant.name)
def test_every_mutant_of_ours_is_a_candidate_and_says_its_fault(mutant):
    """Each can be built in place of the service that ships, and differs from it."""
    canonical, parts = candidate_of(mutant.file)
    assert mutant.fault.endswith(".")
    assert canonical is not take_in(None)
    assert issubclass(canonical, take_in(None))
    for name, part in parts.items():
        assert resolve_name(name) is not part


def test_a_part_that_is_not_there_is_refused():
    """A candidate whose part was renamed would be the right one, and pass for a wrong one."""
    with pytest.raises(AttributeError, match="no attribute 'gone'"):
        put_in_place("app.notifications.outbox.gone", None)


def test_a_file_that_is_no_candidate_is_refused(tmp_path):
    """The message says what is missing."""
    file = tmp_path / "empty.py"
    file.write_text('"""Nothing."""\n')
    with pytest.raises(AttributeError, match="defines no Canonical"):
        take_in(file)


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    """A row of the one would hide the other's."""
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "late.py").write_text(SILENT)
    assert [mutant.name for mutant in mutants_in(tmp_path)] == ["one/late.py", "other/late.py"]


def test_another_process_books_for_the_users_of_a_town(tmp_path):
    """It books at the time of day that it is told, until it is let go."""
    database = Database("sqlite:///town.db", instance_path=tmp_path)
    database.upgrade()
    with database.transaction() as session:
        open_accounts(session, [7])
    with booking_elsewhere(tmp_path, "sqlite:///town.db", [7], seed=1):
        end = time.monotonic() + PATIENCE_S
        while not (truth := SqlTruthReader(database.read_only()).read({7: 0})[7]).version:
            assert time.monotonic() < end, "nothing was booked"
            time.sleep(0.01)
    assert {each.source for each in truth.transactions} == {SOURCE}
    database.dispose()


def test_a_folder_that_is_none_is_refused(monkeypatch, tmp_path):
    """The message names the variable."""
    monkeypatch.setenv("POWER_MUTANTS", str(tmp_path / "nowhere"))
    with pytest.raises(NotADirectoryError, match="POWER_MUTANTS"):
        chosen_folder()


def test_the_tools_mutants_are_the_same_for_a_seed(tmp_path):
    """Each is a whole module with one change, and says what it stands in for."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    first, again = (drawn(folder, seed=7) for folder in folders)
    for _ in range(3):
        one, two = next(first), next(again)
        assert (one.name, one.fault) == (two.name, two.fault)
        assert one.file.read_text() == two.file.read_text()
        assert 'REPLACES = "app.notifications.' in one.file.read_text()
